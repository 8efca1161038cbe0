package render

import (
	"path"
	"reflect"
	"slices"

	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// A class of single files is built so many at a time, from twice as many on.
const filesAtATime = 32

// userlandKind is that of students' files.
const userlandKind = "Userland"

// divided is a class with its students' files apart: built with the square of their
// number in mind, as a list of courses is.
type divided struct {
	// rest has all but the students, who would come after its resources and before
	// what it generates.
	rest     *part
	students []*part
}

// divideClass takes the last files of a roster apart, if nothing there has an effect
// on them but the namespace; else it is nil.
func divideClass(fs *tree.FileSystem, dir string, in *inputs) *divided {
	file, _, err := kustomization(fs, dir)
	if err != nil || in.openAPI || in.hidden || in.replaces {
		return nil
	}
	k := &kustypes.Kustomization{}
	if data, err := fs.ReadFile(file); err != nil || k.Unmarshal(data) != nil || !sparesUserlands(fs, dir, k, in) {
		return nil
	}
	first := len(k.Resources)
	for first > 0 && path.Dir(k.Resources[first-1]) == path.Dir(k.Resources[len(k.Resources)-1]) {
		first--
	}
	if len(k.Resources)-first < 2*filesAtATime || slices.ContainsFunc(k.Resources, func(name string) bool { return fs.IsDir(path.Join(dir, name)) }) {
		return nil
	}
	rest := *k
	rest.Resources = k.Resources[:first]
	d := &divided{rest: asPart(fs, file, rest)}
	for names := range slices.Chunk(k.Resources[first:], filesAtATime) {
		d.students = append(d.students, asPart(fs, file, kustypes.Kustomization{
			TypeMeta: k.TypeMeta, Namespace: k.Namespace, BuildMetadata: k.BuildMetadata, Resources: names,
		}))
	}
	return d
}

func asPart(fs *tree.FileSystem, file string, k kustypes.Kustomization) *part {
	data, err := yaml.Marshal(k)
	return &part{fs: fs.With(file, data), list: file, err: err}
}

// sparesUserlands tells whether a kustomization leaves Userlands as they are but for
// their namespace. Its components may say how names refer to each other, and no more.
func sparesUserlands(fs *tree.FileSystem, dir string, k *kustypes.Kustomization, in *inputs) bool {
	rest := *k
	rest.TypeMeta, rest.MetaData, rest.Resources, rest.BuildMetadata, rest.Namespace = kustypes.TypeMeta{}, nil, nil, nil, ""
	rest.Components, rest.Configurations, rest.ConfigMapGenerator, rest.GeneratorOptions = nil, nil, nil, nil
	if !reflect.DeepEqual(rest, kustypes.Kustomization{}) || k.Kind != "" && k.Kind != kustypes.KustomizationKind ||
		len(k.BuildMetadata) != 1 || k.BuildMetadata[0] != kustypes.OriginAnnotations || !refersElsewhere(fs, dir, k.Configurations) {
		return false
	}
	for other := range in.dirs {
		if other != path.Clean("/"+dir) && !onlyConfigures(fs, other) {
			return false
		}
	}
	return true
}

func onlyConfigures(fs *tree.FileSystem, dir string) bool {
	file, _, err := kustomization(fs, dir)
	if err != nil {
		return false
	}
	data, err := fs.ReadFile(file)
	if err != nil {
		return false
	}
	k := &kustypes.Kustomization{}
	if k.Unmarshal(data) != nil || k.Kind != kustypes.ComponentKind {
		return false
	}
	rest := *k
	rest.TypeMeta, rest.MetaData, rest.Configurations = kustypes.TypeMeta{}, nil, nil
	return reflect.DeepEqual(rest, kustypes.Kustomization{}) && refersElsewhere(fs, dir, k.Configurations)
}

// references are a file of configurations that has nothing but these.
type references struct {
	NameReference []struct {
		referenceKind
		FieldSpecs []struct {
			referenceKind
			Path   string `json:"path"`
			Create bool   `json:"create"`
		} `json:"fieldSpecs"`
	} `json:"nameReference"`
}

type referenceKind struct {
	Group   string `json:"group"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
}

// refersElsewhere tells whether configurations only say of other kinds than Userlands
// how their names refer to each other.
func refersElsewhere(fs *tree.FileSystem, dir string, files []string) bool {
	elsewhere := func(k referenceKind) bool { return k.Kind != "" && k.Kind != userlandKind }
	for _, file := range files {
		data, err := fs.ReadFile(path.Join(dir, file))
		if err != nil {
			return false
		}
		var r references
		if yaml.UnmarshalStrict(data, &r) != nil {
			return false
		}
		for _, reference := range r.NameReference {
			if !elsewhere(reference.referenceKind) {
				return false
			}
			for _, field := range reference.FieldSpecs {
				if !elsewhere(field.referenceKind) {
					return false
				}
			}
		}
	}
	return true
}

// render gives the class in the order kustomize has it; false if it must be built
// whole: some of the files have something else, or the same twice.
func (d *divided) render(dir string) (all []resmap.ResMap, fine bool) {
	if !renderParts(append([]*part{d.rest}, d.students...), dir) {
		return nil, false
	}
	seen := map[string]bool{}
	for _, r := range d.rest.rendered.Resources() {
		seen[r.CurId().String()] = true
	}
	written, generated := resmap.New(), resmap.New()
	for _, r := range d.rest.rendered.Resources() {
		origin, err := r.GetOrigin()
		to := written
		if err == nil && origin != nil && origin.ConfiguredIn != "" {
			to = generated
		}
		if err != nil || to.Append(r) != nil {
			return nil, false
		}
	}
	all = append(all, written)
	for _, one := range d.students {
		for _, r := range one.rendered.Resources() {
			id := r.CurId()
			if id.Kind != userlandKind || id.Group != v1alpha1.SchemeGroupVersion.Group || seen[id.String()] {
				return nil, false
			}
			seen[id.String()] = true
		}
		all = append(all, one.rendered)
	}
	return append(all, generated), true
}
