// Package class answers what a tree of git declares: the courses, with their students and
// Templates, the file and line of each, and what could not be read.
package class

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Class is a course as one tree declares it.
type Class struct {
	// Course is nil if the tree has no such course.
	Course *v1alpha1.Course
	// Templates are the Templates in the course's namespace.
	Templates []v1alpha1.Template
	// Userlands are the students with files of their own.
	Userlands []v1alpha1.Userland
	// Rosters are the files of the ConfigMaps that the Course names. Missing are the
	// names of those ConfigMaps that the tree lacks.
	Rosters []roster.File
	Missing []string
	// Quotas are the ResourceQuotas in the course's namespace.
	Quotas []corev1.ResourceQuota
	// Limits are the LimitRanges in the course's namespace. They give defaults to
	// containers without requests or limits.
	Limits []corev1.LimitRange

	// places holds the places of the Userlands by their names.
	places map[string]place
}

// place is a line of a file. The line is 0 if it is unknown.
type place struct {
	file string
	line int
}

// Object is an object that Flux applies.
type Object struct {
	*unstructured.Unstructured
	Origin render.Origin
}

// Of sorts the objects of a cluster into courses, by name. It reads from t the files of
// generated ConfigMaps, to name them in problems. It does not set the defaults of the
// kinds, because git does not contain them.
func Of(t *tree.Tree, objects []Object) (map[string]Class, error) {
	classes, rosters := map[string]Class{}, map[string]map[string]Object{}
	for _, object := range objects {
		namespace := object.GetNamespace()
		class := classes[namespace]
		taken, err := class.take(object)
		if err != nil {
			return nil, fmt.Errorf("%s %s/%s: %w", object.GetKind(), namespace, object.GetName(), err)
		}
		if taken {
			classes[namespace] = class
		}
		if object.GetKind() == "ConfigMap" && object.GetLabels()[v1alpha1.RosterLabel] == "true" {
			if rosters[namespace] == nil {
				rosters[namespace] = map[string]Object{}
			}
			rosters[namespace][object.GetName()] = object
		}
	}
	for name, class := range classes {
		if class.Course == nil || class.Course.Name != name {
			delete(classes, name)
			continue
		}
		for _, source := range class.Course.Spec.Rosters {
			configMap, there := rosters[name][source.ConfigMap]
			if !there {
				class.Missing = append(class.Missing, source.ConfigMap)
				continue
			}
			files, err := filesOf(t, configMap)
			if err != nil {
				return nil, fmt.Errorf("ConfigMap %s/%s: %w", name, source.ConfigMap, err)
			}
			class.Rosters = append(class.Rosters, files...)
		}
		classes[name] = class
	}
	return classes, nil
}

// take stores object in the field of its kind. It reports whether the kind belongs
// to a class.
func (c *Class) take(object Object) (taken bool, err error) {
	switch object.GroupVersionKind().GroupKind().String() {
	case "Course.carrel.dev":
		c.Course, err = as[v1alpha1.Course](object.Object)
	case "Template.carrel.dev":
		err = into(&c.Templates, object)
	case "Userland.carrel.dev":
		err = into(&c.Userlands, object)
		c.setPlace(object.GetName(), place{file: object.Origin.File})
	case "ResourceQuota":
		err = into(&c.Quotas, object)
	case "LimitRange":
		err = into(&c.Limits, object)
	default:
		return false, nil
	}
	return err == nil, err
}

func (c *Class) setPlace(userland string, at place) {
	if c.places == nil {
		c.places = map[string]place{}
	}
	c.places[userland] = at
}

func into[T any](list *[]T, object Object) error {
	one, err := as[T](object.Object)
	if err == nil {
		*list = append(*list, *one)
	}
	return err
}

func as[T any](fields map[string]any) (*T, error) {
	typed := new(T)
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, typed)
	return typed, err
}

// filesOf returns the files in a ConfigMap, as the controller reads them.
func filesOf(t *tree.Tree, object Object) (files []roster.File, err error) {
	configMap, err := as[corev1.ConfigMap](object.Object)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(configMap.BinaryData)
	if all == nil {
		all = map[string][]byte{}
	}
	for key, text := range configMap.Data {
		all[key] = []byte(text)
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		files = append(files, roster.File{Name: sourceOf(t, object, key), Data: all[key]})
	}
	return files, nil
}

// sourceOf returns the file from which kustomize generated a key of a ConfigMap. It
// returns the file of the object if the key was not generated, and the key if that file
// is unknown.
func sourceOf(t *tree.Tree, object Object, key string) string {
	at := object.Origin.File
	if at == "" || t == nil {
		return key
	}
	if !object.Origin.Generated {
		return at
	}
	data, err := t.ReadFile(at)
	if err != nil {
		return at
	}
	k := &kustypes.Kustomization{}
	if yaml.Unmarshal(data, k) != nil {
		return at
	}
	for _, generator := range k.ConfigMapGenerator {
		if !strings.Contains(object.GetName(), generator.Name) {
			continue
		}
		for _, source := range generator.FileSources {
			if name, file := keyAndFile(source); name == key {
				return path.Join(path.Dir(at), file)
			}
		}
	}
	return at
}

// keyAndFile splits an entry of a generator: key=file, or a file whose name is the key.
func keyAndFile(source string) (key, file string) {
	key, file, named := strings.Cut(source, "=")
	if !named {
		return path.Base(source), source
	}
	return key, file
}
