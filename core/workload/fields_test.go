package workload

import (
	"reflect"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// inRevision says of each field of a Template, and of its volumes, whether another
// value makes another revision. A field that is new belongs into this list and, if it
// makes up the pod or the Service, into source, Blueprint and digestOf.
var inRevision = map[string]bool{
	"Template": true, "Service": true, "Idle": false, "Rollout": false, "Trial": false,
	"Volumes.Name": true, "Volumes.PVCSpec": false, "Volumes.Retain": false,
}

func TestEachFieldOfATemplateIsInTheRevisionOrNot(t *testing.T) {
	for _, path := range fieldsOf(reflect.TypeFor[v1alpha1.TemplateSpec](), "") {
		want, listed := inRevision[path]
		if !listed {
			t.Errorf("inRevision does not say whether spec.%s makes another revision", path)
			continue
		}
		before, after := &v1alpha1.Template{}, &v1alpha1.Template{}
		before.Spec.Volumes, after.Spec.Volumes = make([]v1alpha1.Volume, 1), make([]v1alpha1.Volume, 1)
		set(t, reflect.ValueOf(&after.Spec).Elem(), path)
		old, err := NewRevision(before)
		if err != nil {
			t.Fatal(err)
		}
		edited, err := NewRevision(after)
		if err != nil {
			t.Fatal(err)
		}
		if got := old.Name != edited.Name; got != want {
			t.Errorf("spec.%s makes another revision: %t, want %t", path, got, want)
		}
		if got := !SameSource(old, edited); got != want {
			t.Errorf("spec.%s makes another source: %t, want %t: a roll-out would take the edit for the controller's own", path, got, want)
		}
	}
}

func TestEachFieldOfABlueprintIsInItsSource(t *testing.T) {
	for i := range reflect.TypeFor[Blueprint]().NumField() {
		var b Blueprint
		fill(t, reflect.ValueOf(&b).Elem().Field(i))
		none, err := digestOf(Blueprint{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := digestOf(b); err != nil || got == none {
			t.Errorf("digestOf leaves out %s (error %v)", reflect.TypeFor[Blueprint]().Field(i).Name, err)
		}
	}
}

// fieldsOf returns the paths of the fields, those of volumes one by one.
func fieldsOf(kind reflect.Type, prefix string) (paths []string) {
	for i := range kind.NumField() {
		if field := kind.Field(i); field.Type == reflect.TypeFor[[]v1alpha1.Volume]() {
			paths = append(paths, fieldsOf(field.Type.Elem(), field.Name+".")...)
		} else {
			paths = append(paths, prefix+field.Name)
		}
	}
	return paths
}

// set gives the field at a path a value.
func set(t *testing.T, spec reflect.Value, path string) {
	t.Helper()
	if name, ofVolume := strings.CutPrefix(path, "Volumes."); ofVolume {
		fill(t, spec.FieldByName("Volumes").Index(0).FieldByName(name))
		return
	}
	fill(t, spec.FieldByName(path))
}

// fill gives a value another one than zero.
func fill(t *testing.T, value reflect.Value) {
	t.Helper()
	switch value.Kind() {
	case reflect.String:
		value.SetString("x")
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(1)
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		fill(t, value.Index(0))
	case reflect.Struct:
		fill(t, value.Field(0))
	default:
		t.Fatalf("there is no value of kind %s: add it here", value.Kind())
	}
}
