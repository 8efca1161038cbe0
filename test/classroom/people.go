package classroom

import (
	"errors"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Proxy is the field owner of those who bring users to their carrels.
const Proxy = client.FieldOwner("proxy")

// Active records that a user was seen, as a proxy does.
func (w *Classroom) Active(name string, at time.Time) {
	w.Helper()
	w.ApplyStatus(v1alpha1ac.Userland(name, w.Namespace).WithStatus(v1alpha1ac.UserlandStatus().WithLastActivityTime(metav1.NewTime(at))))
}

// Ask requests something of a carrel, as the class board does.
func (w *Classroom) Ask(name string, r v1alpha1.Requests) {
	w.Helper()
	w.ApplyStatus(v1alpha1ac.Userland(name, w.Namespace).WithStatus(v1alpha1ac.UserlandStatus().WithRequests(&v1alpha1ac.RequestsApplyConfiguration{
		RestartAt: r.RestartAt, StopAt: r.StopAt, KeepUntil: r.KeepUntil, ResetAt: r.ResetAt,
	})))
}

// ApplyStatus writes a status, as the field owner Proxy does.
func (w *Classroom) ApplyStatus(u *v1alpha1ac.UserlandApplyConfiguration) {
	w.Helper()
	if err := w.Status().Apply(w.Context(), u, Proxy, client.ForceOwnership); err != nil {
		w.Fatalf("write the status: %v", err)
	}
}

// NowStamp returns the time of the controllers, as statuses have it.
func (w *Classroom) NowStamp() *metav1.Time { return ptr.To(metav1.NewTime(w.Clock.Now())) }

// Opened has the user of a sleeping carrel come, and stops the carrel again: from then
// on it has a Deployment, a Service and its volumes. The cluster must be played.
func (w *Classroom) Opened(name string) {
	w.Helper()
	w.Active(name, w.Clock.Now())
	w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Clock.Advance(time.Second) // moments are told apart by seconds
	w.Ask(name, v1alpha1.Requests{StopAt: w.NowStamp()})
	w.Reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Clock.Advance(time.Second)
}

// Children returns what exists for a Userland: its Deployment, Services and claims,
// as kind and name.
func (w *Classroom) Children(name string) []string {
	w.Helper()
	var children []string
	for kind, list := range map[string]client.ObjectList{
		"Deployment": &appsv1.DeploymentList{}, "Service": &corev1.ServiceList{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaimList{},
	} {
		if err := w.List(w.Context(), list, client.InNamespace(w.Namespace), client.MatchingLabels{v1alpha1.UserlandLabel: name}); err != nil {
			w.Fatal(err)
		}
		_ = meta.EachListItem(list, func(o runtime.Object) error {
			children = append(children, kind+" "+o.(client.Object).GetName())
			return nil
		})
	}
	slices.Sort(children)
	return children
}

// Restart requests the restart of a carrel that has an update pending, and waits
// until the request is handled.
func (w *Classroom) Restart(name string) {
	w.Helper()
	w.UpdatePending(name)
	w.Clock.Advance(time.Second) // moments asked for are told apart by seconds
	asked := w.NowStamp()
	w.Ask(name, v1alpha1.Requests{RestartAt: asked})
	w.Until(func() error {
		handled := Get[v1alpha1.Userland](w, name).Status.Handled
		if handled == nil || handled.RestartAt == nil || handled.RestartAt.Unix() != asked.Unix() {
			return errors.New("the restart is not honoured")
		}
		return nil
	})
}

// Drop deletes a Userland and, as the garbage collector would, what it owns.
func (w *Classroom) Drop(name string) {
	w.Helper()
	for _, o := range []client.Object{&v1alpha1.Userland{}, &appsv1.Deployment{}, &corev1.Service{}} {
		o.SetNamespace(w.Namespace)
		o.SetName(name)
		if err := client.IgnoreNotFound(w.Delete(w.Context(), o)); err != nil {
			w.Fatal(err)
		}
	}
}
