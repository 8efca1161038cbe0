package operator_test

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
			w := newWorld(t)
			test.foreign.SetLabels(test.labels)
			test.foreign.SetOwnerReferences(test.owners)
			w.make(test.foreign, ide())
			version := test.foreign.GetResourceVersion()
			w.make(student("hanako"))
			u := w.reaches("hanako", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
			if !strings.Contains(message(u), test.words) || !strings.Contains(message(u), "rename or delete") {
				t.Errorf("the message does not say whose it is (%s) and the cure: %s", test.words, message(u))
			}
			if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.StalledCondition) {
				t.Error("a person must act, and it is not Stalled")
			}
			w.settled()
			if err := w.Get(t.Context(), w.key("hanako"), test.foreign); err != nil {
				t.Fatal(err)
			}
			if test.foreign.GetResourceVersion() != version {
				t.Errorf("the foreign object was written to: %+v", test.foreign)
			}
		})
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	for _, test := range []struct {
		name    string
		drift   func(*appsv1.Deployment)
		mended  func(*appsv1.Deployment) bool
		foreign bool
	}{
		{name: "another image",
			drift:  func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "miner:1" },
			mended: func(d *appsv1.Deployment) bool { return image(d) == "ide:1" }},
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
			change(w, "hanako", test.drift)
			w.until(func() error {
				if d := get[appsv1.Deployment](w, "hanako"); !test.mended(d) {
					return fmt.Errorf("not mended: %+v", d.Spec)
				}
				return nil
			})
			w.settled()
			if d := get[appsv1.Deployment](w, "hanako"); !test.mended(d) {
				t.Errorf("mended, and then not: %+v", d.Spec)
			}
		})
	}
	if err := w.Delete(t.Context(), &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "hanako"}}); err != nil {
		t.Fatal(err)
	}
	w.until(func() error { return w.Get(t.Context(), w.key("hanako"), &corev1.Service{}) })
}

// Whether a Service has an address is settled when it is made.
func TestServiceChangesItsKindOfAddress(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("21t0042"))
	w.reaches("21t0042", v1alpha1.StateRunning, v1alpha1.RunningReason)
	name := workload.Plan{Userland: student("21t0042")}.ServiceName()
	if ip := get[corev1.Service](w, name).Spec.ClusterIP; ip != corev1.ClusterIPNone {
		t.Fatalf("the Service has the address %s, want none", ip)
	}
	for _, kind := range []v1alpha1.ServiceType{v1alpha1.ServiceClusterIP, v1alpha1.ServiceHeadless} {
		change(w, "ide", func(template *v1alpha1.Template) { template.Spec.Service.Type = kind })
		w.restart("21t0042")
		w.until(func() error {
			service := &corev1.Service{}
			if err := w.Get(t.Context(), w.key(name), service); err != nil {
				return err
			}
			if headless := service.Spec.ClusterIP == corev1.ClusterIPNone; headless != (kind == v1alpha1.ServiceHeadless) {
				return fmt.Errorf("the Service has the address %s, want it %s", service.Spec.ClusterIP, kind)
			}
			return nil
		})
		w.reaches("21t0042", v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	w.settled()
}

// The Deployment of a former Userland of the name is the garbage collector's to
// remove: neither taken over nor complained about.
func TestFormerDeploymentIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	former := get[appsv1.Deployment](w, "hanako")
	if err := w.Delete(t.Context(), get[v1alpha1.Userland](w, "hanako")); err != nil {
		t.Fatal(err)
	}
	w.make(student("hanako"))
	u := w.reaches("hanako", v1alpha1.StateStarting, v1alpha1.StartingReason)
	if !strings.Contains(message(u), "former") {
		t.Errorf("the message does not tell of the former Deployment: %s", message(u))
	}
	if still := get[appsv1.Deployment](w, "hanako"); still.UID != former.UID || !metav1.IsControlledBy(still, &metav1.ObjectMeta{UID: former.OwnerReferences[0].UID}) {
		t.Error("the former Deployment was taken over")
	}
	for _, o := range []client.Object{&appsv1.Deployment{}, &corev1.Service{}} {
		o.SetNamespace(w.namespace)
		o.SetName("hanako")
		if err := w.Delete(t.Context(), o); err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
	}
	w.until(func() error {
		d := &appsv1.Deployment{}
		if err := w.Get(t.Context(), w.key("hanako"), d); err != nil {
			return err
		}
		if d.UID == former.UID {
			return fmt.Errorf("still the former Deployment")
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}
