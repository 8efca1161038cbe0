package kube

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/apitesting/fuzzer"
	metafuzzer "k8s.io/apimachinery/pkg/apis/meta/fuzzer"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Whatever objects hold, they hold it after they share their equal parts too, and so
// does the object that they share them with.
func TestSharedPartsKeepTheirValue(t *testing.T) {
	random := fuzzer.FuzzerFor(metafuzzer.Funcs, rand.NewSource(1), serializer.NewCodecFactory(clientgoscheme.Scheme))
	for _, kind := range []client.Object{&appsv1.Deployment{}, &corev1.Pod{}, &corev1.PersistentVolumeClaim{}, &corev1.Service{}, &v1alpha1.Userland{}, &v1alpha1.Template{}} {
		t.Run(reflect.TypeOf(kind).Elem().Name(), func(t *testing.T) {
			fresh := func() client.Object {
				o := reflect.New(reflect.TypeOf(kind).Elem()).Interface().(client.Object)
				random.Fill(o)
				return o
			}
			for range 100 {
				first, second := fresh(), fresh()
				for _, next := range []client.Object{second, mixed(first, second), first.DeepCopyObject().(client.Object)} {
					was, before := first.DeepCopyObject(), next.DeepCopyObject()
					share(reflect.ValueOf(next).Elem(), reflect.ValueOf(first).Elem())
					if !reflect.DeepEqual(before, next) {
						t.Fatalf("the object changed (-before +after):\n%s", cmp.Diff(before, next))
					}
					if !reflect.DeepEqual(was, first) {
						t.Fatalf("the object that it shares with changed (-before +after):\n%s", cmp.Diff(was, first))
					}
				}
			}
		})
	}
}

// mixed returns an object with every other field of two objects, at all depths.
func mixed(a, b client.Object) client.Object {
	result := a.DeepCopyObject().(client.Object)
	turn := 0
	var mix func(into, from reflect.Value)
	mix = func(into, from reflect.Value) {
		switch {
		case into.Kind() == reflect.Struct && into.NumField() > 0 && into.Type().Field(0).IsExported():
			for i := range into.NumField() {
				mix(into.Field(i), from.Field(i))
			}
		case into.Kind() == reflect.Pointer && !into.IsNil() && !from.IsNil():
			mix(into.Elem(), from.Elem())
		case into.Kind() == reflect.Map && into.Len() > 0 && from.Len() > 0:
			key := from.MapKeys()[0]
			into.SetMapIndex(key, from.MapIndex(key))
		case into.Kind() == reflect.Slice && min(into.Len(), from.Len()) > 0:
			mix(into.Index(0), from.Index(0))
		case into.CanSet():
			if turn++; turn%2 == 0 {
				into.Set(from)
			}
		}
	}
	mix(reflect.ValueOf(result).Elem(), reflect.ValueOf(b.DeepCopyObject()).Elem())
	return result
}

// Parts of carrels of one Template exist once, those of another user are kept apart.
func TestCarrelsShareWhatTheyHaveInCommon(t *testing.T) {
	parts := newShared()
	carrel := func(user, template string) *appsv1.Deployment {
		d := stored(t)
		d.Name, d.Labels = user, map[string]string{v1alpha1.TemplateLabel: strings.Clone(template), v1alpha1.UserlandLabel: user}
		d.Spec.Template.Spec.Containers[0].Env[1].Value = user
		parts.add(d)
		return d
	}
	hanako, taro, other := carrel("hanako", "ide"), carrel("taro", "ide"), carrel("jiro", "database")
	requests := func(d *appsv1.Deployment) uintptr {
		return reflect.ValueOf(d.Spec.Template.Spec.Containers[0].Resources.Requests).Pointer()
	}
	if requests(hanako) != requests(taro) {
		t.Error("two carrels of a Template hold their requests twice")
	}
	label := func(d *appsv1.Deployment) *byte { return unsafe.StringData(d.Labels[v1alpha1.TemplateLabel]) }
	if label(hanako) != label(taro) {
		t.Error("two carrels of a Template hold the value of a label twice")
	}
	if requests(hanako) == requests(other) {
		t.Error("carrels of two Templates are compared")
	}
	if got := taro.Labels[v1alpha1.UserlandLabel]; got != "taro" {
		t.Errorf("the carrel of taro has the label of %s", got)
	}
	if got := hanako.Spec.Template.Spec.Containers[0].Env[1].Value; got != "hanako" {
		t.Errorf("the carrel of hanako has the variable of %s", got)
	}
	if _, err := sharing(parts, slim)(&metav1.Status{}); err != nil {
		t.Errorf("what is no object is refused: %v", err)
	}
}
