package render

import (
	"reflect"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// worthDividing is the minimum number of directories of a list that is built in
// parts.
const worthDividing = 4

// part is one entry of a list.
type part struct {
	// fs contains the list with only this entry, in the file list.
	fs       *tree.FileSystem
	list     string
	in       *inputs
	rendered resmap.ResMap
	err      error
	// spaces are the namespaces in which the part has objects. bindsRoles is true
	// if it has a RoleBinding.
	spaces     []string
	bindsRoles bool
}

// rendering renders a directory whose kustomization records origins. kustomize
// compares each object with each other, so its time grows with the square of the
// number of courses. If no entry of a list can affect another, rendering builds the
// list entry by entry, with the same result. It divides a class of single files in
// the same way.
func (in *inputs) rendering(fs *tree.FileSystem, dir string) ([]resmap.ResMap, error) {
	if parts := divide(fs, dir, in); parts != nil && renderParts(parts, dir) && independent(parts) {
		all := make([]resmap.ResMap, len(parts))
		for i := range parts {
			all[i] = parts[i].rendered
		}
		return all, nil
	}
	if class := divideClass(fs, dir, in); class != nil {
		if all, fine := class.render(dir); fine {
			return all, nil
		}
	}
	whole, err := in.build(fs, dir)
	return []resmap.ResMap{whole}, err
}

func renderParts(parts []*part, dir string) (fine bool) {
	schema()
	concurrently(len(parts), func(i int) { parts[i].render(dir) })
	for _, one := range parts {
		if one.err != nil {
			return false // building the whole reports the error
		}
	}
	return true
}

func (p *part) render(dir string) {
	if p.err != nil {
		return
	}
	if p.in, p.err = inputsOf(p.fs, dir); p.err == nil {
		p.rendered, p.err = p.in.build(p.fs, dir)
	}
	if p.err == nil {
		p.findNamespaces()
	}
}

// divide splits a list of directories into parts. It returns nil if the directory
// is anything else.
func divide(fs *tree.FileSystem, dir string, in *inputs) []*part {
	file, _, err := kustomization(fs, dir)
	if err != nil || in.spreads || in.openAPI || in.hidden {
		return nil
	}
	data, err := fs.ReadFile(file)
	if err != nil {
		return nil
	}
	k := &kustypes.Kustomization{}
	if k.Unmarshal(data) != nil || !isList(k) {
		return nil
	}
	var parts []*part
	for _, name := range k.Resources {
		if !fs.IsDir(dir + "/" + name) {
			return nil
		}
		alone := *k
		alone.Resources = []string{name}
		parts = append(parts, asPart(fs, file, alone))
	}
	return parts
}

// isList reports whether a kustomization only lists resources, without changing
// them.
func isList(k *kustypes.Kustomization) bool {
	rest := *k
	rest.TypeMeta, rest.MetaData, rest.Resources, rest.BuildMetadata = kustypes.TypeMeta{}, nil, nil, nil
	return len(k.Resources) >= worthDividing && reflect.DeepEqual(rest, kustypes.Kustomization{}) &&
		(k.Kind == "" || k.Kind == kustypes.KustomizationKind) && (k.APIVersion == "" || k.APIVersion == kustypes.KustomizationVersion) &&
		len(k.BuildMetadata) == 1 && k.BuildMetadata[0] == kustypes.OriginAnnotations
}

// independent reports whether building the parts separately gives the same result
// as building them together. Across parts, kustomize only refuses duplicate objects
// and updates references to changed names. It updates references between objects of
// one namespace, and to and from cluster-scoped objects. It also updates those from
// a RoleBinding to the namespaces of its subjects.
func independent(parts []*part) bool {
	owner := map[string]int{}
	for i, one := range parts {
		for _, space := range one.spaces {
			if first, there := owner[space]; space == everywhere || there && first != i {
				return false
			}
			owner[space] = i
		}
	}
	words := map[string][]string{}
	for i, one := range parts {
		if one.bindsRoles && !one.mentionsOnly(owner, i, words) {
			return false
		}
	}
	return true
}

// everywhere stands for the namespace of cluster-scoped objects other than
// Namespaces.
const everywhere = "/"

// findNamespaces records the namespaces in which the part has objects. kustomize
// knows no reference to or from a Namespace, so each Namespace only counts as a
// space of its own.
func (p *part) findNamespaces() {
	seen := map[string]bool{}
	for _, r := range p.rendered.Resources() {
		id := r.CurId()
		space := id.EffectiveNamespace()
		switch {
		case id.IsClusterScoped() && id.Kind == "Namespace" && id.Group == "":
			space = "Namespace/" + id.Name
		case id.IsClusterScoped():
			space = everywhere
		}
		p.bindsRoles = p.bindsRoles || id.Kind == "RoleBinding"
		if !seen[space] {
			seen[space], p.spaces = true, append(p.spaces, space)
		}
	}
}

// word matches text that may be the name of a namespace.
var word = regexp.MustCompile(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`)

// mentionsOnly reports whether no file of a part contains the name of another
// part's namespace, or hides words from this check. A subject's namespace may have
// been another part's until kustomize updated the references.
func (p *part) mentionsOnly(owner map[string]int, own int, words map[string][]string) bool {
	for file := range p.in.files {
		if file == p.list {
			continue
		}
		if _, read := words[file]; !read {
			data, err := p.fs.ReadFile(file)
			switch {
			case err != nil:
				words[file] = nil // a directory, or the wrong half of key=file
			case escaped.Match(data) || joins(data):
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

// escaped matches escapes by which YAML can write a letter in another way.
var escaped = regexp.MustCompile("\\\\[xuU\r\n]")

// joins reports whether replacements may compose the name of a namespace from
// pieces. Replacements of a Kustomization's spec.path can't.
func joins(data []byte) bool {
	if !strings.Contains(string(data), "delimiter") {
		return false
	}
	k := &kustypes.Kustomization{}
	if yaml.Unmarshal(data, k) != nil {
		return true
	}
	if len(k.Replacements) == 0 {
		return true // a file of replacements
	}
	for _, replacement := range k.Replacements {
		for _, target := range replacement.Targets {
			if target.Options == nil || target.Options.Delimiter == "" {
				continue
			}
			for _, field := range target.FieldPaths {
				if field != "spec.path" {
					return true
				}
			}
		}
	}
	return false
}
