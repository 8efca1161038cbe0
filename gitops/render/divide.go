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

// worthDividing is from how many directories on a list is built in parts.
const worthDividing = 4

// part is one entry of a list.
type part struct {
	// fs has the list with this entry only, list is its file.
	fs       *tree.FileSystem
	list     string
	in       *inputs
	rendered resmap.ResMap
	err      error
	// spaces are the namespaces it has something in, bindsRoles whether a RoleBinding
	// is there.
	spaces     []string
	bindsRoles bool
}

// rendering renders a directory that is noted for origins. kustomize compares each
// object with each, so that a list of courses takes it time with the square of
// their number. Where nothing of an entry can have an effect on another, the list
// is built entry by entry, which gives the same; and so is a class of single files.
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
			return false // for the whole to say
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
		p.look()
	}
}

// divide takes a list of directories apart; nil if it is anything else.
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

// isList tells whether a kustomization does nothing to what it lists.
func isList(k *kustypes.Kustomization) bool {
	rest := *k
	rest.TypeMeta, rest.MetaData, rest.Resources, rest.BuildMetadata = kustypes.TypeMeta{}, nil, nil, nil
	return len(k.Resources) >= worthDividing && reflect.DeepEqual(rest, kustypes.Kustomization{}) &&
		(k.Kind == "" || k.Kind == kustypes.KustomizationKind) && (k.APIVersion == "" || k.APIVersion == kustypes.KustomizationVersion) &&
		len(k.BuildMetadata) == 1 && k.BuildMetadata[0] == kustypes.OriginAnnotations
}

// independent tells whether parts give the same together as alone. What kustomize
// does with all of them at once is to refuse what is there twice, and to follow
// names that were changed. It does so between objects of one namespace, from
// anything to what is in no namespace, from there to anything, and from a
// RoleBinding to where its subjects are.
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

// everywhere is where something is that is in no namespace, and not one itself.
const everywhere = "/"

// look finds out in which namespaces a part has something. No reference that
// kustomize knows of is to a Namespace, or of one, so that these are but told apart.
func (p *part) look() {
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

// word is what a namespace may be called.
var word = regexp.MustCompile(`[a-z0-9]([-a-z0-9]*[a-z0-9])?`)

// mentionsOnly tells whether no file of a part has a word that is the namespace of
// another, and none writes words in a way that they can't be seen. A subject's
// namespace may have been another's until names were followed.
func (p *part) mentionsOnly(owner map[string]int, own int, words map[string][]string) bool {
	for file := range p.in.files {
		if file == p.list {
			continue
		}
		if _, read := words[file]; !read {
			data, err := p.fs.ReadFile(file)
			switch {
			case err != nil:
				words[file] = nil // a directory, or the other reading of key=file
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

// escaped are the ways of YAML to write a letter as something else.
var escaped = regexp.MustCompile("\\\\[xuU\r\n]")

// joins tells whether replacements may put a namespace together of pieces. Those of
// a Kustomization's spec.path have no part in it.
func joins(data []byte) bool {
	if !strings.Contains(string(data), "delimiter") {
		return false
	}
	k := &kustypes.Kustomization{}
	if yaml.Unmarshal(data, k) != nil {
		return true
	}
	if len(k.Replacements) == 0 {
		return true // a file of them
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
