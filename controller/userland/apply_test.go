package userland_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/test/classroom"
)

func TestForeignObjectsAreNeverTakenOver(t *testing.T) {
	service := func() *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: "hanako"},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 8080}}},
		}
	}
	deployment := func() *appsv1.Deployment {
		labels := map[string]string{"app": "somebodys"}
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: "hanako"},
			Spec: appsv1.DeploymentSpec{
				Selector: &metav1.LabelSelector{MatchLabels: labels},
				Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "b"}}}},
			},
		}
	}
	ours := map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"}
	controlled := []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "other", UID: types.UID("1-2-3"), Controller: ptr.To(true)}}

	for _, test := range []struct {
		name    string
		foreign client.Object
		labels  map[string]string
		owners  []metav1.OwnerReference
		words   string
	}{
		{name: "a Service the cache does not see", foreign: service(), words: "nobody that Carrel knows of"},
		{name: "a Deployment the cache does not see", foreign: deployment(), words: "nobody that Carrel knows of"},
		{name: "a Service with our labels", foreign: service(), labels: ours, words: "nobody that Carrel knows of"},
		{name: "a Deployment of another controller", foreign: deployment(), labels: ours, owners: controlled, words: `ConfigMap "other"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := classroom.New(t)
			test.foreign.SetLabels(test.labels)
			test.foreign.SetOwnerReferences(test.owners)
			w.Make(test.foreign, classroom.IDE())
			version := test.foreign.GetResourceVersion()
			w.Make(classroom.Student("hanako"))
			u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
			if !strings.Contains(classroom.Message(u), test.words) || !strings.Contains(classroom.Message(u), "rename or delete") {
				t.Errorf("the message does not say whose it is (%s) and the cure: %s", test.words, classroom.Message(u))
			}
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
				t.Error("a person must act, and it is not Stalled")
			}
			w.Settled()
			if err := w.Get(t.Context(), w.Key("hanako"), test.foreign); err != nil {
				t.Fatal(err)
			}
			if test.foreign.GetResourceVersion() != version {
				t.Errorf("the foreign object was written to: %+v", test.foreign)
			}
		})
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	for _, test := range []struct {
		name    string
		drift   func(*appsv1.Deployment)
		mended  func(*appsv1.Deployment) bool
		foreign bool
	}{
		{name: "another image",
			drift:  func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "miner:1" },
			mended: func(d *appsv1.Deployment) bool { return classroom.Image(d) == "ide:1" }},
		{name: "more replicas",
			drift:  func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](3) },
			mended: func(d *appsv1.Deployment) bool { return *d.Spec.Replicas == 1 }},
		{name: "the label the cache selects by",
			drift:  func(d *appsv1.Deployment) { delete(d.Labels, v1alpha1.ManagedByLabel) },
			mended: func(d *appsv1.Deployment) bool { return d.Labels[v1alpha1.ManagedByLabel] == v1alpha1.ManagedByValue }},
		{name: "an annotation of somebody else's stays",
			drift:  func(d *appsv1.Deployment) { d.Annotations["note"] = "theirs" },
			mended: func(d *appsv1.Deployment) bool { return d.Annotations["note"] == "theirs" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			classroom.Change(w, "hanako", test.drift)
			w.Until(func() error {
				if d := classroom.Get[appsv1.Deployment](w, "hanako"); !test.mended(d) {
					return fmt.Errorf("not mended: %+v", d.Spec)
				}
				return nil
			})
			w.Settled()
			if d := classroom.Get[appsv1.Deployment](w, "hanako"); !test.mended(d) {
				t.Errorf("mended, and then not: %+v", d.Spec)
			}
		})
	}
	if err := w.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "hanako"}}); err != nil {
		t.Fatal(err)
	}
	w.Until(func() error { return w.Get(t.Context(), w.Key("hanako"), &corev1.Service{}) })
}

// Whether a Service has an address is settled when it is made.
func TestServiceChangesItsKindOfAddress(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("21t0042"))
	w.Reaches("21t0042", v1alpha1.StateRunning, v1alpha1.RunningReason)
	name := workload.Plan{Userland: classroom.Student("21t0042")}.ServiceName()
	if ip := classroom.Get[corev1.Service](w, name).Spec.ClusterIP; ip != corev1.ClusterIPNone {
		t.Fatalf("the Service has the address %s, want none", ip)
	}
	for _, kind := range []v1alpha1.ServiceType{v1alpha1.ServiceClusterIP, v1alpha1.ServiceHeadless} {
		classroom.Change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Service.Type = kind })
		w.Restart("21t0042")
		w.Until(func() error {
			service := &corev1.Service{}
			if err := w.Get(t.Context(), w.Key(name), service); err != nil {
				return err
			}
			if headless := service.Spec.ClusterIP == corev1.ClusterIPNone; headless != (kind == v1alpha1.ServiceHeadless) {
				return fmt.Errorf("the Service has the address %s, want it %s", service.Spec.ClusterIP, kind)
			}
			return nil
		})
		w.Reaches("21t0042", v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.Settled()
}

// The Deployment of a former Userland of the name is the garbage collector's to
// remove: neither taken over nor complained about.
func TestFormerDeploymentIsWaitedFor(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	former := classroom.Get[appsv1.Deployment](w, "hanako")
	if err := w.Delete(t.Context(), classroom.Get[v1alpha1.Userland](w, "hanako")); err != nil {
		t.Fatal(err)
	}
	w.Make(classroom.Student("hanako"))
	u := w.Reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	if !strings.Contains(classroom.Message(u), "former") {
		t.Errorf("the message does not tell of the former Deployment: %s", classroom.Message(u))
	}
	if still := classroom.Get[appsv1.Deployment](w, "hanako"); still.UID != former.UID || !metav1.IsControlledBy(still, &metav1.ObjectMeta{UID: former.OwnerReferences[0].UID}) {
		t.Error("the former Deployment was taken over")
	}
	for _, o := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}} {
		o.SetNamespace(w.Namespace)
		o.SetName("hanako")
		if err := w.Delete(t.Context(), o); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	w.Until(func() error {
		d := &appsv1.Deployment{}
		if err := w.Get(t.Context(), w.Key("hanako"), d); err != nil {
			return err
		}
		if d.UID == former.UID {
			return fmt.Errorf("still the former Deployment")
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}
