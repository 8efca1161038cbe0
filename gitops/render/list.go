package render

import (
	"reflect"
	"regexp"
	"slices"

	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// worthDividing is the minimum number of directories of a list that is built entry by
// entry.
const worthDividing = 4

// entryList is a kustomization that lists directories, such as the courses of a cluster.
// kustomize compares each object with each other, so its time grows with the square of
// the number of courses. If no entry can affect another, the list is built entry by
// entry, with the same result.
type entryList struct {
	fs        *tree.FileSystem
	dir, file string
	// settings is the list without its resources. Every entry is built with them.
	settings kustypes.Kustomization
	// sources are the listed files. They may only contain what the settings read.
	sources     []string
	directories []string
}

// rendering renders a directory whose kustomization records origins.
func (in *inputs) rendering(fs *tree.FileSystem, dir string) ([]resmap.ResMap, error) {
	if l := listIn(fs, dir, in); l != nil {
		if all := l.render(); all != nil {
			return all, nil
		}
	}
	whole, err := in.build(fs, dir)
	return []resmap.ResMap{whole}, err
}

// listIn returns nil if the directory has no list, or one whose settings are not known to
// change each object by itself.
func listIn(fs *tree.FileSystem, dir string, in *inputs) *entryList {
	file, _, err := kustomization(fs, dir)
	if err != nil || in.spreads || in.openAPI || in.hidden {
		return nil
	}
	l := &entryList{fs: fs, dir: dir, file: file}
	data, err := fs.ReadFile(file)
	if err != nil || l.settings.Unmarshal(data) != nil {
		return nil
	}
	for _, name := range l.settings.Resources {
		if fs.IsDir(dir + "/" + name) {
			l.directories = append(l.directories, name)
		} else {
			l.sources = append(l.sources, name)
		}
	}
	l.settings.Resources = nil
	if len(l.directories) < worthDividing || !spares(l.settings) {
		return nil
	}
	return l
}

// spares reports whether a kustomization has no settings but patches, replacements and
// components.
func spares(k kustypes.Kustomization) bool {
	kind := k.Kind == "" || k.Kind == kustypes.KustomizationKind
	version := k.APIVersion == "" || k.APIVersion == kustypes.KustomizationVersion
	origins := reflect.DeepEqual(k.BuildMetadata, []string{kustypes.OriginAnnotations})
	k.TypeMeta, k.MetaData, k.BuildMetadata = kustypes.TypeMeta{}, nil, nil
	k.Patches, k.Replacements, k.Components = nil, nil, nil
	return kind && version && origins && reflect.DeepEqual(k, kustypes.Kustomization{})
}

// part is a list with one entry or none.
type part struct {
	// fs contains the list with only this entry.
	fs       *tree.FileSystem
	in       *inputs
	rendered resmap.ResMap
	err      error
	// spaces are the namespaces in which the part has objects. subjects are those of
	// the subjects of its RoleBindings.
	spaces, subjects map[string]bool
}

// render returns the objects of each entry. It returns nil if the list must be built
// whole, because entries may affect each other or one fails.
func (l *entryList) render() (all []resmap.ResMap) {
	schema()
	// Without entries, the settings must find what they read, and make nothing.
	alone := l.build()
	if alone.err != nil || alone.rendered.Size() > 0 || l.renames(alone.in) {
		return nil
	}
	parts := make([]*part, len(l.directories))
	concurrently(len(parts), func(i int) { parts[i] = l.build(l.directories[i]) })
	for _, one := range parts {
		if one.err != nil {
			return nil // building the whole reports the error
		}
		all = append(all, one.rendered)
	}
	if !independent(parts, alone.in.files) {
		return nil
	}
	return all
}

// over lays a list of the given entries over the whole one.
func (l *entryList) over(metadata []string, entries ...string) (*tree.FileSystem, error) {
	k := l.settings
	k.BuildMetadata, k.Resources = metadata, slices.Concat(l.sources, entries)
	data, err := yaml.Marshal(k)
	return l.fs.With(l.file, data), err
}

// with returns the list with the given entries, not built.
func (l *entryList) with(entries ...string) *part {
	over, err := l.over(l.settings.BuildMetadata, entries...)
	p := &part{fs: over, err: err, spaces: map[string]bool{}, subjects: map[string]bool{}}
	if p.err == nil {
		p.in, p.err = inputsOf(p.fs, l.dir)
	}
	return p
}

func (l *entryList) build(entries ...string) *part {
	p := l.with(entries...)
	if p.err == nil {
		p.rendered, p.err = p.in.build(p.fs, l.dir)
	}
	if p.err == nil {
		p.findNamespaces()
	}
	return p
}

// rename matches patches and replacements by which two objects of one name, which
// kustomize refuses, could get different names.
var rename = regexp.MustCompile(`metadata[./]name|/metadata["'\s]|allowNameChange`)

func (l *entryList) renames(in *inputs) bool {
	for file := range in.files {
		if data, err := l.fs.ReadFile(file); err == nil && rename.Match(data) {
			return true
		}
	}
	return false
}

// independent reports whether building the parts separately gives the same result
// as building them together. Across parts, kustomize only refuses duplicate objects
// and updates references to changed names. It updates references between objects of
// one namespace, and to and from cluster-scoped objects. It also updates those from
// a RoleBinding to the namespaces of its subjects.
// A file of settings may mention all namespaces.
func independent(parts []*part, settings map[string]bool) bool {
	owner := map[string]int{}
	for i, one := range parts {
		for space := range one.spaces {
			if _, taken := owner[space]; taken || space == everywhere {
				return false
			}
			owner[space] = i
		}
	}
	words := map[string][]string{}
	for file := range settings {
		words[file] = nil
	}
	for i, one := range parts {
		if len(one.subjects) == 0 {
			continue
		}
		for space := range one.subjects {
			if at, taken := owner[space]; taken && at != i {
				return false
			}
		}
		if !one.mentionsOnly(owner, i, words) {
			return false
		}
	}
	return true
}

// everywhere stands for the namespace of cluster-scoped objects other than
// Namespaces.
const everywhere = "/"

// findNamespaces records the namespaces of the part's objects and subjects. kustomize
// knows no reference to or from a Namespace, so each Namespace only counts as a space of
// its own.
func (p *part) findNamespaces() {
	for _, r := range p.rendered.Resources() {
		id := r.CurId()
		switch {
		case id.Gvk.Equals(resid.NewGvk("", "v1", "Namespace")):
			p.spaces["Namespace/"+id.Name] = true
		case id.IsClusterScoped():
			p.spaces[everywhere] = true
		default:
			p.spaces[id.EffectiveNamespace()] = true
		}
		if id.Kind != "RoleBinding" {
			continue
		}
		p.subjects[id.EffectiveNamespace()] = true
		subjects, err := r.Pipe(kyaml.Lookup("subjects"))
		if err != nil || subjects == nil {
			continue
		}
		elements, _ := subjects.Elements() // nil if it is no list
		for _, subject := range elements {
			if space, err := subject.GetString("namespace"); err == nil {
				p.subjects[space] = true
			}
		}
	}
}

// word matches text that may be the name of a namespace.
var word = regexp.MustCompile(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`)

// escape matches escapes by which YAML can write a letter in another way.
var escape = regexp.MustCompile("\\\\[xuU\r\n]")

// mentionsOnly reports whether no file of a part contains the name of another part's
// namespace, or hides words from this check. A subject's namespace may have been another
// part's until kustomize updated the references.
func (p *part) mentionsOnly(owner map[string]int, own int, words map[string][]string) bool {
	for file := range p.in.files {
		if _, read := words[file]; !read {
			data, err := p.fs.ReadFile(file)
			switch {
			case err != nil:
				words[file] = nil // a directory, or the wrong half of key=file
			case escape.Match(data):
				return false
			default:
				words[file] = word.FindAllString(string(data), -1)
			}
		}
		for _, one := range words[file] {
			if at, taken := owner[one]; taken && at != own {
				return false
			}
		}
	}
	return true
}
