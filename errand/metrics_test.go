package errand

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// A counter that appears with its first increase hides that increase from rate().
func TestOutcomesBeginAtZero(t *testing.T) {
	for _, outcome := range []string{v1alpha1.TrialStarted, v1alpha1.TrialFailed, v1alpha1.TrialNotTried} {
		if !outcomes.DeleteLabelValues(outcome) {
			t.Errorf("outcome %s is not shown before its first trial", outcome)
		}
		outcomes.WithLabelValues(outcome)
	}
	if n := testutil.CollectAndCount(outcomes); n != 3 {
		t.Errorf("%d outcomes are shown, want 3", n)
	}
}
