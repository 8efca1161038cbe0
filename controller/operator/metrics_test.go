package operator

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// The gauges say what the statuses say, by course, without a name of a person.
func TestClassMetrics(t *testing.T) {
	now := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	userland := func(name, state, reason string) *v1alpha1.Userland {
		return &v1alpha1.Userland{
			ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name},
			Status:     v1alpha1.UserlandStatus{State: state, Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: "False", Reason: reason}}},
		}
	}
	queued := userland("hana", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	queued.Status.QueuedSince = &metav1.Time{Time: now.Add(-90 * time.Second)}
	later := userland("ken", v1alpha1.StateQueued, v1alpha1.QueuedReason)
	later.Status.QueuedSince = &metav1.Time{Time: now.Add(-30 * time.Second)}
	course := &v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"},
		Status: v1alpha1.CourseStatus{
			Volumes: &v1alpha1.VolumeStatus{Kept: 3, Expiring: 1},
			Conditions: []metav1.Condition{
				{Type: v1alpha1.RosterValidCondition, Status: "False", Reason: v1alpha1.RosterInvalidReason},
				{Type: v1alpha1.IsolatedCondition, Status: "False", Reason: v1alpha1.OpenReason},
				{Type: v1alpha1.HeldCondition, Status: "False", Reason: v1alpha1.RosterReadReason},
				{Type: v1alpha1.ReadyCondition, Status: "False", Reason: v1alpha1.ProgressingReason},
			},
		},
	}
	template := &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide"},
		Status:     v1alpha1.TemplateStatus{Conditions: []metav1.Condition{{Type: v1alpha1.RolloutHeldCondition, Status: "True", Reason: v1alpha1.UpdatedFailingReason}}},
	}
	quiet := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog2", Name: "prog2"}}
	quiet.Status.Conditions = []metav1.Condition{{Type: v1alpha1.IsolatedCondition, Status: "True", Reason: v1alpha1.IsolatedReason}}
	cached := fake.NewClientBuilder().WithScheme(scheme).WithObjects(queued, later, userland("mio", v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason), course, quiet, template).Build()

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(classMetrics{cached: cached, clock: testingclock.NewFakePassiveClock(now)})
	want := `
# HELP carrel_course_condition 1 for each condition of a course that asks for a person, by condition and reason.
# TYPE carrel_course_condition gauge
carrel_course_condition{condition="Isolated",course="prog1",reason="Open"} 1
carrel_course_condition{condition="RosterValid",course="prog1",reason="RosterInvalid"} 1
# HELP carrel_queue_oldest_seconds How long the carrel that has waited longest in the queue of its course has waited.
# TYPE carrel_queue_oldest_seconds gauge
carrel_queue_oldest_seconds{course="prog1"} 90
# HELP carrel_rollout_held 1 if the rollout of a Template is held.
# TYPE carrel_rollout_held gauge
carrel_rollout_held{course="prog1",reason="UpdatedFailing",template="ide"} 1
# HELP carrel_userlands Userlands of a course, by state.
# TYPE carrel_userlands gauge
carrel_userlands{course="prog1",state="Failing"} 1
carrel_userlands{course="prog1",state="Queued"} 2
# HELP carrel_userlands_failing Userlands of a course that are not Ready and in state Failing, by reason.
# TYPE carrel_userlands_failing gauge
carrel_userlands_failing{course="prog1",reason="ImagePullBackOff"} 1
# HELP carrel_volumes Volumes of a course whose person left: kept, expiring (within a week) and undecided.
# TYPE carrel_volumes gauge
carrel_volumes{course="prog1",state="expiring"} 1
carrel_volumes{course="prog1",state="kept"} 3
carrel_volumes{course="prog1",state="undecided"} 0
carrel_volumes{course="prog2",state="expiring"} 0
carrel_volumes{course="prog2",state="kept"} 0
carrel_volumes{course="prog2",state="undecided"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// Every gauge of classes in the alert rules exists.
func TestRulesNameMetrics(t *testing.T) {
	rules, err := os.ReadFile("../../kustomize/components/monitoring/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	descriptions := make(chan *prometheus.Desc, 16)
	classMetrics{}.Describe(descriptions)
	close(descriptions)
	known := map[string]bool{"carrel_reporter_posts_total": true}
	for description := range descriptions {
		known[strings.Split(description.String(), `"`)[1]] = true
	}
	for _, name := range regexp.MustCompile(`carrel_[a-z_]+`).FindAllString(string(rules), -1) {
		if !known[name] {
			t.Errorf("a rule asks for %s, which no process serves", name)
		}
	}
}
