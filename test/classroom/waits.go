package classroom

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Patience bounds each wait. It is far more than anything takes on a slow machine.
const Patience = 3 * time.Minute

// Until polls until the check passes, and fails with its last words if it never
// does.
func (w *Classroom) Until(check func() error) {
	w.Helper()
	var err error
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	w.Fatal(err)
}

// Reaches waits until a Userland has a state, for a reason, and returns it.
func (w *Classroom) Reaches(name, state, reason string) *v1alpha1.Userland {
	w.Helper()
	u := &v1alpha1.Userland{}
	w.Until(func() error {
		if err := w.Get(w.Context(), w.Key(name), u); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil || u.Status.State != state || ready.Reason != reason || u.Status.ObservedGeneration != u.Generation {
			return fmt.Errorf("%s is %q with conditions %+v (generation %d of %d), want state %s and reason %s",
				name, u.Status.State, u.Status.Conditions, u.Status.ObservedGeneration, u.Generation, state, reason)
		}
		return nil
	})
	CheckConditions(w.T, u)
	return u
}

// Message returns the message of the Ready condition.
func Message(u *v1alpha1.Userland) string {
	return meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition).Message
}

// CheckConditions fails if conditions break the rules of kstatus.
func CheckConditions(t *testing.T, o conditions.Getter) {
	t.Helper()
	checker := check.NewChecker(nil, &check.Conditions{
		NegativePolarity: []string{v1alpha1.StalledCondition, v1alpha1.ReconcilingCondition},
	})
	checker.DisableFetch = true
	if fail, warn := checker.Check(t.Context(), o); fail != nil || warn != nil {
		t.Errorf("the conditions of %s break the rules: %v %v\n%+v", o.GetName(), fail, warn, o.GetConditions())
	}
}

// Told returns nil if an event of a reason has the words.
func (w *Classroom) Told(reason, words string) error {
	events := &eventsv1.EventList{}
	if err := w.List(w.Context(), events, client.InNamespace(w.Namespace)); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Reason == reason && strings.Contains(e.Note, words) {
			return nil
		}
	}
	return fmt.Errorf("no event %s tells of %s", reason, words)
}

// UpdatePending waits until the status of a Userland says that it runs with an older revision.
func (w *Classroom) UpdatePending(name string) {
	w.Helper()
	w.Until(func() error {
		if u := Get[v1alpha1.Userland](w, name); !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.UpdatePendingCondition) {
			return fmt.Errorf("%s does not say that an update is pending: %+v", name, u.Status.Conditions)
		}
		return nil
	})
}

// Settled waits until the controllers have made no request for a while.
func (w *Classroom) Settled() {
	w.Helper()
	const quiet = 5500 * time.Millisecond // longer than a look at the volumes is put off
	last, since := len(w.Requests.All()), time.Now()
	for deadline := time.Now().Add(Patience); time.Since(since) < quiet; time.Sleep(50 * time.Millisecond) {
		if now := len(w.Requests.All()); now != last {
			last, since = now, time.Now()
		}
		if time.Now().After(deadline) {
			w.Fatalf("the controllers never come to rest; the last requests: %v", Tail(w.Requests.All(), 20))
		}
	}
}

// KeptUntil waits until a claim says until when it is kept.
func (w *Classroom) KeptUntil(claim string) string {
	w.Helper()
	var until string
	w.Until(func() error {
		until = Get[corev1.PersistentVolumeClaim](w, claim).Labels[v1alpha1.KeepUntilLabel]
		if until == "" {
			return fmt.Errorf("claim %s has no label %s though its Userland is gone", claim, v1alpha1.KeepUntilLabel)
		}
		return nil
	})
	return until
}

// PromisedFor returns how long from now a keep-until label promises.
func PromisedFor(t *testing.T, until string) time.Duration {
	t.Helper()
	moment, err := time.Parse(v1alpha1.KeepUntilLayout, until)
	if err != nil {
		t.Fatalf("the label is no moment: %v", err)
	}
	return time.Until(moment).Round(time.Hour)
}
