package operator_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// forbid makes the API server refuse Userlands of a section in the namespace, as a
// cluster's own policies may.
func (w *world) forbid(section string) {
	w.Helper()
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"carrel.dev"}, APIVersions: []string{"*"}, Resources: []string{"userlands"}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: "object.spec.?section.orValue('') != '" + section + "'", Message: "no such section"}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: w.namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
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
	w.until(func() error {
		probe := student("probe")
		probe.Namespace, probe.Spec.Section = w.namespace, section
		if w.Create(w.Context(), probe, client.DryRunAll) == nil {
			return errors.New("the policy is not in force yet")
		}
		return nil
	})
}

// One row that the API server refuses keeps all others as they are.
func TestRefusedRowChangesNobody(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(sleeper(), rosterFile("class", "user,section\nichiro,a\njiro,a\n"), w.enrolling("class"))
	w.enrolled(2)
	w.forbid("x")
	w.rewrite("user,section\nichiro,b\nsaburo,a\nshiro,x\n")
	c := w.tells(v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterRefusedReason, "until then nothing changes")
	if errs := c.Status.Roster.Errors; len(errs) != 1 || errs[0].Line != 4 {
		t.Errorf("errors: %+v", c.Status.Roster.Errors)
	}
	w.settled()
	w.enrolled(2)
	if section := get[v1alpha1.Userland](w, "ichiro").Spec.Section; section != "a" {
		t.Errorf("ichiro was moved to section %q", section)
	}

	asked := len(w.requests.writes())
	change(w, "jiro", func(u *v1alpha1.Userland) { u.Labels = map[string]string{"touched": "true"} })
	w.settled()
	if again := w.requests.writes()[asked:]; len(again) > 0 {
		t.Errorf("an event in the class has all rows tried once more: %v", again)
	}
	w.request("now")
	w.until(func() error {
		if n := len(w.requests.writes()[asked:]); n < 3 {
			return fmt.Errorf("asked to, the controller tries %d rows again, want 3", n)
		}
		return nil
	})

	w.rewrite("user,section\nichiro,b\nsaburo,a\n")
	w.reaches("saburo", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.enrolled(2)
}
