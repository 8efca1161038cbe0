package lifecycle_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

func TestStopOf(t *testing.T) {
	noon := time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)
	at := func(hours int) *metav1.Time { return &metav1.Time{Time: noon.Add(time.Duration(hours) * time.Hour)} }
	off := false
	asleep := v1alpha1.UserlandStatus{State: v1alpha1.StateAsleep}
	used, asked, back := asleep, asleep, asleep
	used.LastStartTime, used.LastActivityTime = at(-3), at(-2)
	asked.LastActivityTime, asked.Handled = at(-2), &v1alpha1.HandledRequests{StopAt: at(-1)}
	back.LastActivityTime, back.Handled = at(-1), &v1alpha1.HandledRequests{StopAt: at(-2)}
	over := v1alpha1.UserlandStatus{State: v1alpha1.StateDisabled, Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.TermOverReason}}}
	for _, test := range []struct {
		name     string
		userland v1alpha1.Userland
		want     lifecycle.Stop
	}{
		{"running", v1alpha1.Userland{Status: v1alpha1.UserlandStatus{State: v1alpha1.StateRunning, LastActivityTime: at(-1)}}, lifecycle.Stop{}},
		{"never used", v1alpha1.Userland{Status: asleep}, lifecycle.Stop{Cause: "never used"}},
		{"idle", v1alpha1.Userland{Status: used}, lifecycle.Stop{Cause: "nobody has used it", Since: noon.Add(-2 * time.Hour)}},
		{"asked for", v1alpha1.Userland{Status: asked}, lifecycle.Stop{Cause: "stopped on request", Since: noon.Add(-time.Hour), Asked: true}},
		{"used again after it was asked for", v1alpha1.Userland{Status: back}, lifecycle.Stop{Cause: "nobody has used it", Since: noon.Add(-time.Hour)}},
		{"the term is over", v1alpha1.Userland{Status: over}, lifecycle.Stop{Cause: "the term is over"}},
		{"in git", v1alpha1.Userland{Spec: v1alpha1.UserlandSpec{Enabled: &off}, Status: used}, lifecycle.Stop{Cause: "enabled: false in git"}},
	} {
		if diff := cmp.Diff(test.want, lifecycle.StopOf(&test.userland, noon)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
