package board

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// The board counts the seats that the Course counts: a carrel that sleeps and could
// not start is one of them.
func TestSeatsThatNeedAttention(t *testing.T) {
	stalled := metav1.Condition{Type: v1alpha1.StalledCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.ApplyRefusedReason}
	for _, test := range []struct {
		name       string
		state      string
		conditions []metav1.Condition
		want       bool
	}{
		{"asleep", v1alpha1.StateAsleep, nil, false},
		{"asleep, and could not start", v1alpha1.StateAsleep, []metav1.Condition{stalled}, true},
		{"running", v1alpha1.StateRunning, nil, false},
		{"failing", v1alpha1.StateFailing, nil, true},
		{"waiting", v1alpha1.StateWaiting, nil, true},
	} {
		u := &v1alpha1.Userland{Status: v1alpha1.UserlandStatus{State: test.state, Conditions: test.conditions}}
		if got := seatOf(directory.NewCarrel(u, nil, "")).Attention(); got != test.want {
			t.Errorf("a seat that is %s needs attention: %t, want %t", test.name, got, test.want)
		}
	}
}
