package kube

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// difference says what an apply of the wanted object would change in the one
// there is; empty for nothing. It merges as the API server does, by the schema
// of the kind, so lists are matched by their keys and what others set or the
// API server defaulted does not count. The outcome is compared as Go values,
// so neither does another spelling of a quantity, nor a zero that was left out.
func (a *Applier) difference(found client.Object, want *unstructured.Unstructured) (string, error) {
	have := found.DeepCopyObject().(client.Object)
	have.GetObjectKind().SetGroupVersionKind(want.GroupVersionKind())
	have.SetManagedFields(nil)

	before, err := a.types.ObjectToTyped(have, typed.AllowDuplicates)
	if err != nil {
		return "", fmt.Errorf("read %s by its schema: %w", describe(want), err)
	}
	asked, err := a.types.ObjectToTyped(want)
	if err != nil {
		return "", fmt.Errorf("read the intent of %s by its schema: %w", describe(want), err)
	}
	after, err := before.Merge(asked)
	if err != nil {
		return "", fmt.Errorf("merge %s: %w", describe(want), err)
	}
	if same, err := a.same(have, after); err != nil || same {
		return "", err
	}
	change, err := before.Compare(after)
	if err != nil {
		return "", fmt.Errorf("compare %s: %w", describe(want), err)
	}
	return change.String(), nil
}

func (a *Applier) same(have client.Object, after *typed.TypedValue) (bool, error) {
	merged, err := a.types.TypedToObject(after)
	if err != nil {
		return false, fmt.Errorf("read the merged %s: %w", describe(have), err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(merged)
	if err != nil {
		return false, fmt.Errorf("read the merged %s: %w", describe(have), err)
	}
	then := reflect.New(reflect.TypeOf(have).Elem()).Interface()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, then); err != nil {
		return false, fmt.Errorf("read the merged %s: %w", describe(have), err)
	}
	return equality.Semantic.DeepEqual(have, then), nil
}
