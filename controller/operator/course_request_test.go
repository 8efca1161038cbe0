package operator_test

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// request asks for a reconcile, as `flux reconcile` does of Flux's own kinds.
func (w *world) request(when string) {
	w.Helper()
	patch := fmt.Sprintf(`{"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": %q}}}`, when)
	if err := w.Patch(w.Context(), get[v1alpha1.Course](w, w.namespace), client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
		w.Fatal(err)
	}
}

func (w *world) handled(when string) {
	w.Helper()
	w.until(func() error {
		if got := get[v1alpha1.Course](w, w.namespace).Status.LastHandledReconcileAt; got != when {
			return fmt.Errorf("the Course says it handled the request of %q, want %q", got, when)
		}
		return nil
	})
}

func TestRequestedReconcileIsConfirmed(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), w.course(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.until(func() error {
		course := get[v1alpha1.Course](w, w.namespace)
		// What `kubectl wait --for=condition=Ready` looks at.
		if ready := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.ReadyCondition); ready == nil || ready.Status != "True" || ready.ObservedGeneration != course.Generation {
			return fmt.Errorf("the Course is not Ready: %+v", ready)
		}
		return nil
	})
	for _, when := range []string{"2026-11-23T10:00:00Z", "2026-11-23T10:00:01Z"} {
		w.request(when)
		w.handled(when)
	}
	w.settled()

	// A suspended one of Flux's confirms nothing either, until it goes on.
	w.suspend(true)
	w.request("2026-11-23T10:00:02Z")
	w.settled()
	w.handled("2026-11-23T10:00:01Z")
	w.suspend(false)
	w.handled("2026-11-23T10:00:02Z")
}
