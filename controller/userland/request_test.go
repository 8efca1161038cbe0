package userland_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// A request to reconcile has what was refused tried again at once, and is confirmed as
// Flux's own kinds confirm it.
func TestRequestedReconcileIsConfirmed(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Requests.Refusing(func(r *http.Request) *metav1.Status {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/deployments") || r.URL.Query().Has("dryRun") {
			return nil
		}
		return &metav1.Status{Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: "denied by a policy"}
	})
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.ApplyRefusedReason)
	w.Settled()
	w.Requests.Refusing(nil)
	classroom.Change(w, "hanako", func(u *v1alpha1.Userland) {
		u.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": "2026-11-23T10:00:00Z"}
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Until(func() error {
		if got := classroom.Get[v1alpha1.Userland](w, "hanako").Status.LastHandledReconcileAt; got != "2026-11-23T10:00:00Z" {
			return fmt.Errorf("the Userland says that it handled the request of %q", got)
		}
		return nil
	})
	w.Settled()
}
