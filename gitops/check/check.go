// Package check finds what is wrong with a repository of courses before anything
// applies it: it renders what Flux would, validates it as the API server would,
// and asks the questions that need more than one object. No cluster is needed.
package check

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/roster"
)

// Severity says what a finding means for a merge.
type Severity string

// Severities.
const (
	// Error must be mended before it is merged.
	Error Severity = "error"
	// Warning is worth a look.
	Warning Severity = "warning"
)

// Finding is something to mend.
type Finding struct {
	// Rule is the id of the rule that found it.
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// File is the path from the repository's root, Line counts from 1; 0 is the
	// file as a whole.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Object names what it is about, as "Course prog1/prog1"; may be empty.
	Object string `json:"object,omitempty"`
	// Message is what is wrong, Cure what to do about it.
	Message string `json:"message"`
	Cure    string `json:"cure,omitempty"`
}

// Clusters checks all that Flux applies to each cluster of a tree. With before,
// the tree it is to replace, removals over the guard are findings too. What is
// found in several clusters is said once.
func Clusters(ctx context.Context, now, before *tree.Tree) ([]Finding, error) {
	return Below(ctx, now, before, "")
}

// Below is Clusters for what is found in a file or directory. Only courses that have
// a part there are rendered. An empty path is all there is.
func Below(ctx context.Context, now, before *tree.Tree, below string) ([]Finding, error) {
	below = strings.Trim(path.Clean("/"+below), "/")
	names := render.Clusters(now)
	if len(names) == 0 {
		return nil, fmt.Errorf("there is no clusters/<name>/flux-system: run carrel at the root of the repository, or name it with --repository")
	}
	go func() { _, _ = kinds() }() // they are needed once all is rendered
	var former []string
	if before != nil {
		former = render.Clusters(before)
	}
	var found []Finding
	for _, name := range names {
		trees := []*tree.Tree{now}
		if slices.Contains(former, name) {
			trees = append(trees, before)
		}
		s, err := load(ctx, name, below, trees)
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", name, err)
		}
		found = append(found, s.judge()...)
	}
	slices.SortStableFunc(found, compareFindings)
	return keep(slices.Compact(found), below), nil
}

// keep keeps the findings in a file or directory, and what kept it from being built.
func keep(found []Finding, below string) []Finding {
	if below == "" {
		return found
	}
	return slices.DeleteFunc(found, func(f Finding) bool {
		return f.Rule != "build" && f.File != below && !strings.HasPrefix(f.File, below+"/")
	})
}

// judge asks all rules, several at a time.
func (s *subject) judge() (all []Finding) {
	found := make([][]Finding, len(rules))
	concurrently(len(rules), func(i int) { found[i] = rules[i].find(s) })
	for i, rule := range rules {
		for _, f := range found[i] {
			f.Rule, f.Severity = rule.ID, cmp.Or(f.Severity, rule.Severity)
			all = append(all, f)
		}
	}
	return all
}

func compareFindings(a, b Finding) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule),
		strings.Compare(a.Object, b.Object), strings.Compare(a.Message, b.Message))
}

// Failed reports whether any finding is an error.
func Failed(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Severity == Error })
}

// id tells objects apart.
type id struct{ kind, namespace, name string }

// subject is what the rules look at: one cluster.
type subject struct {
	cluster string
	// below is the file or directory that is asked about; empty is all.
	below   string
	tree    *tree.Tree
	applied []render.Applied
	objects []*object
	by      map[id]*object
	// classes are the courses that can be made sense of, by name.
	classes map[string]plan.Class
	rosters map[string]roster.Roster
	before  *subject

	// sources are files that rules have looked into, several of them at a time.
	mutex   sync.Mutex
	sources map[string][]*document
}

// load renders a cluster of the first tree and, if there is one, of the second, which
// was before.
func load(ctx context.Context, cluster, below string, trees []*tree.Tree) (*subject, error) {
	all, err := rendered(ctx, cluster, below, trees)
	if err != nil {
		return nil, err
	}
	s, err := newSubject(ctx, trees[0], cluster, all[0])
	if err != nil {
		return nil, err
	}
	s.below = below
	if len(trees) == 1 {
		return s, nil
	}
	s.before, err = newSubject(ctx, trees[1], cluster, all[1])
	return s, err
}

func rendered(ctx context.Context, cluster, below string, trees []*tree.Tree) ([][]render.Applied, error) {
	if below != "" {
		return render.Below(ctx, below, cluster, trees...)
	}
	var all [][]render.Applied
	for _, t := range trees {
		one, err := render.Cluster(ctx, t, cluster)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func newSubject(ctx context.Context, t *tree.Tree, cluster string, applied []render.Applied) (_ *subject, err error) {
	s := &subject{cluster: cluster, tree: t, applied: applied, by: map[id]*object{}, sources: map[string][]*document{}, rosters: map[string]roster.Roster{}}
	var valid []*object
	for i := range applied {
		for j, o := range applied[i].Objects {
			one := &object{Unstructured: o, origin: applied[i].Origins[j], by: applied[i].Kustomization}
			s.objects = append(s.objects, one)
			s.by[id{o.GetKind(), o.GetNamespace(), o.GetName()}] = one
		}
	}
	concurrently(len(s.objects), func(i int) { s.objects[i].errs = validate(ctx, s.objects[i].Unstructured) })
	for _, one := range s.objects {
		if len(one.errs) == 0 {
			valid = append(valid, one)
		}
	}
	if s.classes, err = plan.Classes(unwrap(valid)); err != nil {
		return nil, err
	}
	s.readRosters()
	return s, nil
}
