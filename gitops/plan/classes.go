package plan

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Classes sorts the objects of a cluster into courses, by name. The defaults of the
// kinds are not set, because git does not contain them.
func Classes(objects []*unstructured.Unstructured) (map[string]Class, error) {
	classes := map[string]Class{}
	rosters := map[string]map[string]*corev1.ConfigMap{}
	for _, object := range objects {
		class := classes[object.GetNamespace()]
		taken, err := class.take(object)
		if err != nil {
			return nil, fmt.Errorf("%s %s/%s: %w", object.GetKind(), object.GetNamespace(), object.GetName(), err)
		}
		if taken {
			classes[object.GetNamespace()] = class
		}
		if object.GetKind() == "ConfigMap" && object.GetLabels()[v1alpha1.RosterLabel] == "true" {
			if rosters[object.GetNamespace()] == nil {
				rosters[object.GetNamespace()] = map[string]*corev1.ConfigMap{}
			}
			configMap, err := as[corev1.ConfigMap](object)
			if err != nil {
				return nil, fmt.Errorf("ConfigMap %s/%s: %w", object.GetNamespace(), object.GetName(), err)
			}
			rosters[object.GetNamespace()][object.GetName()] = configMap
		}
	}
	for name, class := range classes {
		if class.Course == nil || class.Course.Name != name {
			delete(classes, name)
			continue
		}
		class.Rosters = filesOf(class.Course, rosters[name])
		classes[name] = class
	}
	return classes, nil
}

// take stores object in the field of its kind. It reports whether the kind belongs
// to a class.
func (c *Class) take(object *unstructured.Unstructured) (taken bool, err error) {
	switch object.GroupVersionKind().GroupKind().String() {
	case "Course.carrel.dev":
		c.Course, err = as[v1alpha1.Course](object)
	case "Template.carrel.dev":
		err = into(&c.Templates, object)
	case "Userland.carrel.dev":
		err = into(&c.Userlands, object)
	case "ResourceQuota":
		err = into(&c.Quotas, object)
	case "LimitRange":
		err = into(&c.Limits, object)
	default:
		return false, nil
	}
	return err == nil, err
}

func into[T any](list *[]T, object *unstructured.Unstructured) error {
	one, err := as[T](object)
	if err == nil {
		*list = append(*list, *one)
	}
	return err
}

func as[T any](object *unstructured.Unstructured) (*T, error) {
	typed := new(T)
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed)
	return typed, err
}

// filesOf returns the files in the ConfigMaps that a Course names, as the
// controller reads them. A missing ConfigMap gives an empty file, which makes the
// roster invalid.
func filesOf(course *v1alpha1.Course, configMaps map[string]*corev1.ConfigMap) (files []roster.File) {
	for _, source := range course.Spec.Rosters {
		configMap := configMaps[source.ConfigMap]
		if configMap == nil {
			files = append(files, roster.File{Name: "ConfigMap " + source.ConfigMap})
			continue
		}
		all := maps.Clone(configMap.BinaryData)
		if all == nil {
			all = map[string][]byte{}
		}
		for name, text := range configMap.Data {
			all[name] = []byte(text)
		}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			files = append(files, roster.File{Name: name, Data: all[name]})
		}
	}
	return files
}
