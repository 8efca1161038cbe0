package health_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/core/health"
)

// earlier is an hour before now.
var earlier = now.Add(-time.Hour)

func condition(kind string, status metav1.ConditionStatus, reason string, generation int64, since time.Time) metav1.Condition {
	return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "m", ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(since)}
}

func TestConditionsOf(t *testing.T) {
	waiting := health.Verdict{Reason: "Waiting", Message: "m"}
	for _, test := range []struct {
		name    string
		old     []metav1.Condition
		verdict health.Verdict
		want    []metav1.Condition
	}{
		{
			name:    "of a new object",
			verdict: waiting,
			want: []metav1.Condition{
				condition("Ready", "False", "Waiting", 2, now),
				condition("Reconciling", "True", "Waiting", 2, now),
			},
		},
		{
			name:    "of one that becomes ready",
			old:     []metav1.Condition{condition("Ready", "False", "Waiting", 1, earlier), condition("Reconciling", "True", "Waiting", 1, earlier)},
			verdict: health.Verdict{Ready: true, Reason: "Running", Message: "m"},
			want:    []metav1.Condition{condition("Ready", "True", "Running", 2, now)},
		},
		{
			name:    "the time stays with the status, whatever the reason",
			old:     []metav1.Condition{condition("Ready", "False", "Starting", 1, earlier), condition("Reconciling", "True", "Starting", 1, earlier)},
			verdict: waiting,
			want: []metav1.Condition{
				condition("Ready", "False", "Waiting", 2, earlier),
				condition("Reconciling", "True", "Waiting", 2, earlier),
			},
		},
		{
			name:    "a person must act",
			old:     []metav1.Condition{condition("Ready", "False", "Waiting", 1, earlier), condition("Reconciling", "True", "Waiting", 1, earlier)},
			verdict: health.Verdict{Stalled: true, Reason: "NoTemplate", Message: "m"},
			want: []metav1.Condition{
				condition("Ready", "False", "NoTemplate", 2, earlier),
				condition("Stalled", "True", "NoTemplate", 2, now),
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, health.ConditionsOf(test.old, test.verdict, 2, now)); diff != "" {
				t.Errorf("conditions differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOurConditionsLeaveOutThoseOfOthers(t *testing.T) {
	ready := condition("Ready", "True", "Running", 1, now)
	got := health.OurConditions([]metav1.Condition{condition("Reported", "True", "Posted", 1, now), ready})
	if diff := cmp.Diff([]metav1.Condition{ready}, got); diff != "" {
		t.Errorf("conditions differ (-want +got):\n%s", diff)
	}
}

// A list of a thousand mistakes in a Template must not make the API server refuse
// the status that names them.
func TestConditionsOfLongMessage(t *testing.T) {
	long := health.Verdict{Stalled: true, Reason: "TemplateInvalid", Message: strings.Repeat("ö", 40_000)}
	found := append(health.ConditionsOf(nil, long, 1, now), health.TrueCondition(nil, "RolloutHeld", "UpdatedFailing", long.Message, 1, now))
	for _, c := range found {
		if n := utf8.RuneCountInString(c.Message); n > 4096 || !strings.HasSuffix(c.Message, "ö…") {
			t.Errorf("the message of %s has %d characters, want at most 4,096, and a mark where it is cut", c.Type, n)
		}
	}
}
