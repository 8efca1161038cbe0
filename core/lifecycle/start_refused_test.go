package lifecycle

import (
	"errors"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// idling returns an edited Template whose carrels are made at their first start, and
// which one student follows who never came.
func idling(t *testing.T) TemplateWorld {
	t.Helper()
	w := edited(t)
	w.Template.Spec.Idle = hour
	w.Userlands = []v1alpha1.Userland{{ObjectMeta: metav1.ObjectMeta{Name: "hanako"}}}
	w.renew(t)
	return w
}

func forbidden(resource, why string) error {
	return apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "sample--userland", errors.New(why))
}

func TestStartRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*TemplateWorld)
		answer func(*Trial)
		// says is what the condition says; empty: there is none.
		says string
	}{
		"a policy for Deployments": {
			answer: func(trial *Trial) {
				trial.Answer(forbidden("deployments", "denied by a policy"), func(f string) string { return f })
			},
			says: "denied by a policy",
		},
		"a quota of volumes": {
			answer: func(trial *Trial) {
				trial.Answer(forbidden("persistentvolumeclaims", "exceeded quota: course"), ClaimField(0))
			},
			says: "Raise the quota",
		},
		"Pod Security": {
			answer: func(trial *Trial) {
				trial.AnswerPod(forbidden("pods", `violates PodSecurity "restricted:latest"`))
			},
			says: "violates PodSecurity",
		},
		"a webhook for pods": {
			answer: func(trial *Trial) {
				trial.AnswerPod(apierrors.NewBadRequest(`admission webhook "w" denied the request: no`))
			},
			says: "denied the request: no",
		},
		"a storage class that does not exist": {
			answer: func(trial *Trial) { trial.AnswerClass(1, "fast") },
			says:   `there is no storage class "fast": create it, or correct spec.volumes[1].pvcSpec.storageClassName`,
		},
		"a quota of pods that is full now": {
			answer: func(trial *Trial) { trial.AnswerPod(forbidden("pods", "exceeded quota: course, requested: pods=1")) },
		},
		"a quota that was just made": {
			answer: func(trial *Trial) {
				trial.AnswerPod(forbidden("pods", "status unknown for quota: course, resources: pods"))
				trial.Answer(forbidden("services", "status unknown for quota: course, resources: services"), ServiceField)
			},
		},
		"a webhook that can't be asked": {
			answer: func(trial *Trial) {
				trial.AnswerPod(apierrors.NewBadRequest(`admission webhook "w" does not support dry run`))
			},
		},
		"the Template stops nobody": {
			change: func(w *TemplateWorld) { w.Template.Spec.Idle = nil },
			answer: func(trial *Trial) { trial.AnswerClass(0, "fast") },
		},
		"everybody was started": {
			change: func(w *TemplateWorld) { w.Userlands[0].Status.LastStartTime = at(0) },
			answer: func(trial *Trial) { trial.AnswerClass(0, "fast") },
		},
		"nobody follows it yet": {
			change: func(w *TemplateWorld) { w.Userlands = nil },
			answer: func(trial *Trial) { trial.AnswerClass(0, "fast") },
			says:   "fast",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := idling(t)
			if test.change != nil {
				test.change(&w)
			}
			w.Trial = w.NewTrial()
			test.answer(w.Trial)
			d := DecideTemplate(w)
			status := d.Status()
			if readyCondition(status).Reason != v1alpha1.AcceptedReason || d.Keep == nil {
				t.Errorf("it is no fault of the Template, which is %+v", readyCondition(status))
			}
			refused := meta.FindStatusCondition(status.Conditions, v1alpha1.StartRefusedCondition)
			if (refused != nil) != (test.says != "") || refused != nil && !strings.Contains(refused.Message, test.says) {
				t.Errorf("the condition is %+v, want %q", refused, test.says)
			}
			if refused != nil && !d.Next().Equal(w.Trial.Until) {
				t.Errorf("it is tried again at %v, want %v", d.Next(), w.Trial.Until)
			}
		})
	}
}

// A refusal is tried again until it is gone, also after a restart, and stands while
// the API server does not answer.
func TestStartRefusedIsTriedAgain(t *testing.T) {
	w := idling(t)
	w.Trial = w.NewTrial()
	w.Trial.AnswerClass(0, "fast")
	w.Template.Status = DecideTemplate(w).Status()
	if w.TrialDue() {
		t.Error("it was tried just now, and is tried again")
	}
	restarted := w
	restarted.Trial = nil
	if !restarted.TrialDue() {
		t.Error("after a restart it is not tried again")
	}
	w.Now = w.Trial.Until
	if !w.TrialDue() {
		t.Error("it is not tried again")
	}

	w.Trial = w.NewTrial()
	w.Trial.Answer(apierrors.NewInternalError(errors.New("no leader")), PodField(w.Template))
	d := DecideTemplate(w)
	if status := d.Status(); !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.StartRefusedCondition) || readyCondition(status).Reason != v1alpha1.AcceptedReason {
		t.Errorf("the API server does not answer, and it says %+v", status.Conditions)
	}
	if !d.Next().Equal(w.Now.Add(health.RetryLast)) {
		t.Errorf("the API server does not answer, and it is asked again at %v", d.Next())
	}

	w.Now = w.Now.Add(health.RetryLast)
	w.Trial = w.NewTrial()
	w.Trial.Answer(nil, PodField(w.Template))
	w.Template.Status = DecideTemplate(w).Status()
	if refused := StartRefused(w.Template); refused != "" || w.TrialDue() {
		t.Errorf("the class is there, and it says %q; tried again: %t", refused, w.TrialDue())
	}
}

// A student more may be one too many for a quota.
func TestMoreStudentsAreAskedFor(t *testing.T) {
	w := idling(t)
	w.Trial = w.NewTrial()
	w.Template.Status = DecideTemplate(w).Status()
	restarted := w
	restarted.Trial = nil
	if w.TrialDue() || restarted.TrialDue() {
		t.Fatal("nobody came, and the API server is asked again")
	}
	restarted.Trial = restarted.Assume()
	for name, w := range map[string]TemplateWorld{"before a restart": w, "after a restart": restarted} {
		w.Userlands = append(w.Userlands, v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: "taro"}})
		if !w.TrialDue() {
			t.Errorf("a student more %s, and the API server is not asked", name)
		}
		w.Trial = w.NewTrial()
		if w.TrialDue() {
			t.Errorf("the API server was asked %s, and is asked again", name)
		}
		failed := w
		failed.Trial = failed.NewTrial()
		failed.Trial.Answer(apierrors.NewInternalError(errors.New("no leader")), PodField(w.Template))
		if next := DecideTemplate(failed).Next(); !next.Equal(w.Now.Add(health.RetryLast)) {
			t.Errorf("the API server did not answer %s, and is asked again at %v", name, next)
		}
		w.Userlands[1].Status.LastStartTime = at(0)
		if w.TrialDue() {
			t.Errorf("somebody started %s, and the API server is asked again", name)
		}
	}
}

// Who was never started is not ready while the first start would be refused, and is
// counted by the Course and the commit; a student who comes is started all the same.
func TestRefusedStartIsSaidBeforeAnybodyComes(t *testing.T) {
	s := newUnopened(t)
	s.Template.Status.Conditions = append(s.Template.Status.Conditions, metav1.Condition{
		Type: v1alpha1.StartRefusedCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ApplyRefusedReason, Message: `there is no storage class "fast"`,
	})
	d := s.carryOut()
	s.reports(d, v1alpha1.StateAsleep, v1alpha1.ApplyRefusedReason)
	s.says(d, `there is no storage class "fast"`)
	counts := health.Count([]v1alpha1.Userland{*s.Userland})
	if counts.Ready != 0 || counts.Attention[v1alpha1.ApplyRefusedReason] != 1 {
		t.Errorf("the Course counts %+v", counts)
	}
	s.later(time.Minute)
	if d := Decide(s.World); d.Writes(s.World) {
		t.Error("it says so twice")
	}
	s.Userland.Status.LastActivityTime = at(1)
	if d := s.carryOut(); d.Unopened || made(d) == nil {
		t.Errorf("its user comes, and nothing is tried: %+v", d)
	}
	s.later(2 * time.Hour)
	s.reports(s.carryOut(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}
