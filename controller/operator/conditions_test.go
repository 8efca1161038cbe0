package operator_test

import (
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/fluxcd/pkg/runtime/conditions/check"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// checkConditions lints a status by the rules of kstatus.
func checkConditions(t *testing.T, o conditions.Getter) {
	t.Helper()
	checker := check.NewChecker(nil, &check.Conditions{
		NegativePolarity: []string{v1alpha1.StalledCondition, v1alpha1.ReconcilingCondition},
	})
	checker.DisableFetch = true
	if fail, warn := checker.Check(t.Context(), o); fail != nil || warn != nil {
		t.Errorf("the conditions of %s break the rules: %v %v\n%+v", o.GetName(), fail, warn, o.GetConditions())
	}
}
