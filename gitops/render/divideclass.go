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

// filesAtATime is the number of students' files built together. A class is divided
// if it has at least twice as many.
const filesAtATime = 32

// userlandKind is the kind of the objects in students' files.
const userlandKind = "Userland"

// divided is a class whose students' files are built apart from the rest. Like a
// list of courses, it avoids a time that grows with the square of the number.
type divided struct {
	// rest contains everything but the students. In kustomize's order, the students
	// come after its resources and before its generated objects.
	rest     *part
	students []*part
}

// divideClass splits off the last files of a roster. It returns nil if anything but
// the namespace may affect them.
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

// sparesUserlands reports whether a kustomization changes nothing of Userlands but
// their namespace. Its components may only configure name references.
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

// references is the content of a configuration file that only declares name
// references.
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

// refersElsewhere reports whether the configurations only declare name references
// between kinds other than Userland.
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

// render returns the class in kustomize's order. It returns false if the class must
// be built whole, because a file contains another kind or a duplicate.
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
