package course_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// forbid makes the API server refuse Userlands of a section in the namespace, as a
// cluster's own policies may.
func forbid(w *classroom.Classroom, section string) {
	w.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.Namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.Namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"carrel.dev"}, APIVersions: []string{"*"}, Resources: []string{"userlands"}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: "object.spec.?section.orValue('') != '" + section + "'", Message: "no such section"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.Namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: w.Namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		},
	}
	if err := w.Create(w.Context(), policy); err != nil {
		w.Fatal(err)
	}
	if err := w.Create(w.Context(), binding); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() {
		_ = w.Delete(context.WithoutCancel(w.Context()), policy)
		_ = w.Delete(context.WithoutCancel(w.Context()), binding)
	})
	// It takes the API server a moment to see them.
	w.Until(func() error {
		probe := classroom.Student("probe")
		probe.Namespace, probe.Spec.Section = w.Namespace, section
		if w.Create(w.Context(), probe, client.DryRunAll) == nil {
			return errors.New("the policy is not in force yet")
		}
		return nil
	})
}

// One row that the API server refuses keeps all others as they are.
func TestRefusedRowChangesNobody(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), rosterFile("class", "user,section\nichiro,a\njiro,a\n"), enrolling(w, "class"))
	enrolled(w, 2)
	forbid(w, "x")
	rewrite(w, "user,section\nichiro,b\nsaburo,a\nshiro,x\n")
	c := tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterRefusedReason, "until then nothing changes")
	if errs := c.Status.Roster.Errors; len(errs) != 1 || errs[0].Line != 4 {
		t.Errorf("errors: %+v", c.Status.Roster.Errors)
	}
	w.Settled()
	enrolled(w, 2)
	if section := classroom.Get[v1alpha1.Userland](w, "ichiro").Spec.Section; section != "a" {
		t.Errorf("ichiro was moved to section %q", section)
	}

	asked := len(w.Requests.Writes())
	classroom.Change(w, "jiro", func(u *v1alpha1.Userland) { u.Labels = map[string]string{"touched": "true"} })
	w.Settled()
	if again := w.Requests.Writes()[asked:]; len(again) > 0 {
		t.Errorf("an event in the class has all rows tried once more: %v", again)
	}
	request(w, "now")
	w.Until(func() error {
		if n := len(w.Requests.Writes()[asked:]); n < 3 {
			return fmt.Errorf("asked to, the controller tries %d rows again, want 3", n)
		}
		return nil
	})

	rewrite(w, "user,section\nichiro,b\nsaburo,a\n")
	w.Reaches("saburo", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	enrolled(w, 2)
}

// Whatever the API server, or a webhook of the cluster, answers to a row is on the
// Course, and the row comes when the answer changes.
func TestEveryRefusalOfARosterIsOnTheCourse(t *testing.T) {
	webhook := func(code int32) metav1.Status {
		return metav1.Status{Code: code, Message: `admission webhook "names.example.org" denied the request: no shiro here`}
	}
	for name, test := range map[string]struct {
		answer  metav1.Status
		refused bool
		words   string
	}{
		"400 of a webhook": {webhook(http.StatusBadRequest), true, "denied the request: no … here"},
		"403 of a webhook": {webhook(http.StatusForbidden), true, "denied the request: no … here"},
		"409 of a webhook": {webhook(http.StatusConflict), true, "denied the request: no … here"},
		"422 of a webhook": {webhook(http.StatusUnprocessableEntity), true, "denied the request: no … here"},
		"429 of a webhook": {webhook(http.StatusTooManyRequests), true, "denied the request: no … here"},
		"500 of a webhook": {webhook(http.StatusInternalServerError), true, "denied the request: no … here"},
		"429":              {metav1.Status{Code: http.StatusTooManyRequests, Reason: metav1.StatusReasonTooManyRequests, Message: "too busy"}, false, "too busy"},
		"500":              {metav1.Status{Code: http.StatusInternalServerError, Reason: metav1.StatusReasonInternalError, Message: "no leader"}, false, "no leader"},
		"504":              {metav1.Status{Code: http.StatusGatewayTimeout, Reason: metav1.StatusReasonTimeout, Message: "too slow"}, false, "too slow"},
	} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			w.Make(classroom.Sleeper(), rosterFile("class", "user\nichiro\n"), enrolling(w, "class"))
			w.Reaches("ichiro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
			tells(w, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "1 of 1 ready")
			w.Requests.Refusing(func(r *http.Request) *metav1.Status {
				if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/userlands") {
					return nil
				}
				return test.answer.DeepCopy()
			})
			rewrite(w, "user\nichiro\nshiro\n")
			if test.refused {
				tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterRefusedReason, test.words)
				tells(w, v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.RosterRefusedReason, "roster.csv line 3")
			} else {
				tells(w, v1alpha1.RosterValidCondition, metav1.ConditionUnknown, v1alpha1.APIServerUnavailableReason, test.words)
				tells(w, v1alpha1.ReadyCondition, metav1.ConditionFalse, v1alpha1.APIServerUnavailableReason, "roster.csv line 3")
			}
			w.Requests.Refusing(nil)
			if test.refused {
				request(w, "now")
			}
			w.Reaches("shiro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
			tells(w, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "2 of 2 ready")
		})
	}
}
