package health_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// userland is one in a state, with conditions given as type, status and reason.
func userland(state string, conditions ...[3]string) v1alpha1.Userland {
	u := v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Generation: 3},
		Status:     v1alpha1.UserlandStatus{ObservedGeneration: 3, State: state},
	}
	for _, c := range conditions {
		u.Status.Conditions = append(u.Status.Conditions, metav1.Condition{
			Type: c[0], Status: metav1.ConditionStatus(c[1]), Reason: c[2],
		})
	}
	return u
}

func TestCount(t *testing.T) {
	ready := userland(v1alpha1.StateRunning, [3]string{"Ready", "True", "Running"})
	edited := ready
	edited.Generation = 4

	for _, test := range []struct {
		name      string
		userlands []v1alpha1.Userland
		want      v1alpha1.UserlandCounts
	}{
		{name: "an empty course", want: v1alpha1.UserlandCounts{}},
		{
			name:      "one the controller has not seen counts as waiting",
			userlands: []v1alpha1.Userland{{ObjectMeta: metav1.ObjectMeta{Generation: 1}, Status: v1alpha1.UserlandStatus{ObservedGeneration: -1}}},
			want:      v1alpha1.UserlandCounts{Total: 1, States: map[string]int32{"Waiting": 1}},
		},
		{
			name: "a disabled one is as it is meant to be",
			userlands: []v1alpha1.Userland{
				ready,
				userland(v1alpha1.StateDisabled, [3]string{"Ready", "True", "Disabled"}),
			},
			want: v1alpha1.UserlandCounts{Total: 2, Ready: 2, States: map[string]int32{"Running": 1, "Disabled": 1}},
		},
		{
			name:      "ready before an edit is not ready after it",
			userlands: []v1alpha1.Userland{edited},
			want:      v1alpha1.UserlandCounts{Total: 1, States: map[string]int32{"Running": 1}},
		},
		{
			name: "ready is not who awaits a roll-out, but who takes the edit at the next start",
			userlands: []v1alpha1.Userland{
				userland(v1alpha1.StateRunning, [3]string{"Ready", "True", "Running"}, [3]string{"UpdatePending", "True", "RollingOut"}),
				userland(v1alpha1.StateRunning, [3]string{"Ready", "True", "Running"}, [3]string{"UpdatePending", "True", "OlderRevision"}),
			},
			want: v1alpha1.UserlandCounts{Total: 2, Ready: 1, States: map[string]int32{"Running": 2}},
		},
		{
			name:      "one on its way needs nobody",
			userlands: []v1alpha1.Userland{userland(v1alpha1.StateStarting, [3]string{"Ready", "False", "Starting"})},
			want:      v1alpha1.UserlandCounts{Total: 1, States: map[string]int32{"Starting": 1}},
		},
		{
			name: "failing and stalled ones are counted by reason",
			userlands: []v1alpha1.Userland{
				userland(v1alpha1.StateFailing, [3]string{"Ready", "False", "ImagePullBackOff"}),
				userland(v1alpha1.StateFailing, [3]string{"Ready", "False", "ImagePullBackOff"}),
				userland(v1alpha1.StateWaiting, [3]string{"Ready", "False", "NoTemplate"}, [3]string{"Stalled", "True", "NoTemplate"}),
			},
			want: v1alpha1.UserlandCounts{
				Total:     3,
				States:    map[string]int32{"Failing": 2, "Waiting": 1},
				Attention: map[string]int32{"ImagePullBackOff": 2, "NoTemplate": 1},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, health.Count(test.userlands)); diff != "" {
				t.Errorf("counts differ (-want +got):\n%s", diff)
			}
		})
	}
}
