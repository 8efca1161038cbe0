package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// wanted is the intent as a plain object, with the annotation that is a digest
// of it. The digest is how a field that is no longer meant is noticed: nothing
// else in the object would differ.
func wanted(intent runtime.ApplyConfiguration) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(intent)
	if err != nil {
		return nil, fmt.Errorf("encode the intent: %w", err)
	}
	want := &unstructured.Unstructured{}
	if err := want.UnmarshalJSON(data); err != nil {
		return nil, fmt.Errorf("decode the intent: %w", err)
	}
	annotations := want.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.IntentAnnotation] = digest(data)
	want.SetAnnotations(annotations)
	return want, nil
}

// digest is short: it tells versions of one object apart, nothing more.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// Decode reads a plain object into a typed one, which must be empty.
func Decode(from *unstructured.Unstructured, into client.Object) error {
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, into); err != nil {
		return fmt.Errorf("decode %s: %w", describe(from), err)
	}
	return nil
}

// TryCreate asks the API server whether it would take an object, and makes none.
func TryCreate(ctx context.Context, c client.Client, intent runtime.ApplyConfiguration, into client.Object) error {
	want, err := wanted(intent)
	if err != nil {
		return err
	}
	if err := Decode(want, into); err != nil {
		return err
	}
	return c.Create(ctx, into, client.DryRunAll, client.FieldOwner(FieldOwner))
}

// Typed is an intent as an object of its kind.
func Typed[T any](intent runtime.ApplyConfiguration) (*T, error) {
	data, err := json.Marshal(intent)
	if err != nil {
		return nil, fmt.Errorf("encode the intent: %w", err)
	}
	object := new(T)
	if err := json.Unmarshal(data, object); err != nil {
		return nil, fmt.Errorf("decode the intent: %w", err)
	}
	return object, nil
}
