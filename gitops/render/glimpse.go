package render

import (
	"bytes"
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// glimpsed is a list of which only some entries are built in full. Of the others, it has
// the Kustomizations, and what these may need: whoever asks about one course needs no
// more of the rest.
type glimpsed struct {
	list    *entryList
	entries []*glimpse
}

// glimpse is one entry of a list.
type glimpse struct {
	directory string
	*part
	// full is false while the entry has only what passes found.
	full    bool
	objects []*unstructured.Unstructured
	origins []Origin
}

// glimpse looks at a list. It returns nil if the directory has none, or if an entry
// can't be built.
func (a *Applied) glimpse() *glimpsed {
	l := listIn(a.fs, a.dir, a.in)
	if l == nil || hasVariables(a.Kustomization) {
		return nil
	}
	schema()
	if alone := l.build(); alone.err != nil || alone.rendered.Size() > 0 || l.renames(alone.in) {
		return nil
	}
	g := &glimpsed{list: l, entries: make([]*glimpse, len(l.directories))}
	concurrently(len(g.entries), func(i int) {
		g.entries[i] = &glimpse{directory: l.directories[i], part: l.with(l.directories[i])}
		g.entries[i].look(l)
	})
	if slices.ContainsFunc(g.entries, func(one *glimpse) bool { return one.err != nil }) {
		return nil
	}
	return g
}

// look builds the entry from the documents that passes found, and without their origins,
// which take kustomize more time than all else. If that fails, it builds the entry in
// full.
func (e *glimpse) look(l *entryList) {
	if e.err != nil {
		return
	}
	if over, err := l.over(nil, e.directory); err == nil {
		if e.rendered, err = e.in.buildFrom(passing{guarded{over}, e.in.resources}, l.dir); err == nil {
			e.take(l.dir)
			return
		}
	}
	e.complete(l.dir)
}

// complete builds the entry in full.
func (e *glimpse) complete(dir string) {
	if e.full || e.err != nil {
		return
	}
	e.full = true
	if e.rendered, e.err = e.in.build(e.fs, dir); e.err == nil {
		e.take(dir)
	}
}

func (e *glimpse) take(dir string) {
	var taken Applied
	e.err = taken.take(e.rendered, dir)
	e.objects, e.origins = taken.Objects, taken.Origins
}

// touches reports whether the entry has anything in one of the namespaces, or fills it.
func (e *glimpse) touches(namespaces map[string]bool) bool {
	of := map[string]bool{}
	for _, o := range e.objects {
		touch(o, of)
		if k := KustomizationOf(o); k != nil {
			of[k.Spec.TargetNamespace] = true
		}
	}
	for namespace := range of {
		if namespace != "" && namespaces[namespace] {
			return true
		}
	}
	return false
}

// complete builds the entries in full for which wanted returns true.
func (a *Applied) complete(wanted func(e *glimpse) bool) {
	if a.glimpsed == nil || a.Err != nil {
		return
	}
	g := a.glimpsed
	concurrently(len(g.entries), func(i int) {
		if wanted(g.entries[i]) {
			g.entries[i].complete(g.list.dir)
		}
	})
	a.Objects, a.Origins = nil, nil
	for _, e := range g.entries {
		if e.err != nil {
			a.Objects, a.Origins = nil, nil
			a.fail(e.err)
			return
		}
		a.Objects, a.Origins = append(a.Objects, e.objects...), append(a.Origins, e.origins...)
	}
}

// completeDifferent builds in full the entries that differ between two commits. Either
// may be nil.
func completeDifferent(was, is *Applied) {
	entries := map[string]*glimpse{}
	if was != nil && was.glimpsed != nil {
		for _, e := range was.glimpsed.entries {
			entries[e.directory] = e
		}
	}
	equal := map[*glimpse]bool{}
	if is != nil && is.glimpsed != nil {
		for _, e := range is.glimpsed.entries {
			if former := entries[e.directory]; former != nil && sameInputs(former.in, e.in, former.fs, e.fs) {
				equal[former], equal[e] = true, true
			}
		}
	}
	for _, a := range []*Applied{was, is} {
		if a != nil {
			a.complete(func(e *glimpse) bool { return !equal[e] })
		}
	}
}

// passing shows only some documents of the files that are resources.
type passing struct {
	guarded
	resources map[string]bool
}

// ReadFile returns the content of a file, without the documents that don't pass.
func (p passing) ReadFile(name string) ([]byte, error) {
	data, err := p.guarded.ReadFile(name)
	if err != nil || !p.resources[name] {
		return data, err
	}
	return passes(data), nil
}

var (
	separator = regexp.MustCompile(`(?m)^---\s*$`)
	kindLine  = regexp.MustCompile(`(?m)^kind: (\w+)\s*$`)
)

// passes returns the documents of YAML without those whose kind says that Flux follows
// nothing of them, and takes no variables from them. What a replacement may read passes
// too: a Namespace, and all kinds that are not known here.
func passes(data []byte) []byte {
	var kept [][]byte
	for _, document := range separator.Split(string(data), -1) {
		if found := kindLine.FindStringSubmatch(document); found == nil || !slices.Contains(followsNothing, found[1]) {
			kept = append(kept, []byte(document))
		}
	}
	return bytes.Join(kept, []byte("---\n"))
}

var followsNothing = []string{"LimitRange", "NetworkPolicy", "ResourceQuota", "Role", "RoleBinding", "ServiceAccount"}
