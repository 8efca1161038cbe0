package course_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// request asks for a reconcile, as `flux reconcile` does of Flux's own kinds.
func request(w *classroom.Classroom, when string) {
	w.Helper()
	patch := fmt.Sprintf(`{"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": %q}}}`, when)
	if err := w.Patch(w.Context(), classroom.Get[v1alpha1.Course](w, w.Namespace), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.Fatal(err)
	}
}

func handled(w *classroom.Classroom, when string) {
	w.Helper()
	w.Until(func() error {
		if got := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.LastHandledReconcileAt; got != when {
			return fmt.Errorf("the Course says it handled the request of %q, want %q", got, when)
		}
		return nil
	})
}

func TestRequestedReconcileIsConfirmed(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), w.Course(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Until(func() error {
		course := classroom.Get[v1alpha1.Course](w, w.Namespace)
		// What `kubectl wait --for=condition=Ready` looks at.
		if ready := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ReadyCondition); ready == nil || ready.Status != "True" || ready.ObservedGeneration != course.Generation {
			return fmt.Errorf("the Course is not Ready: %+v", ready)
		}
		return nil
	})
	for _, when := range []string{"2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z"} {
		request(w, when)
		handled(w, when)
	}
	w.Settled()

	// A suspended one of Flux's confirms nothing either, until it goes on.
	suspend(w, true)
	request(w, "2026-11-23T10:00:02Z")
	w.Settled()
	handled(w, "2026-11-23T10:00:01Z")
	suspend(w, false)
	handled(w, "2026-11-23T10:00:02Z")
}
