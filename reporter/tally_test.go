package reporter

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// ready is a Userland at generation 1 that runs on generation 3 of its Template.
func ready(name string, change ...func(*v1alpha1.Userland)) v1alpha1.Userland {
	u := v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1},
		Spec:       v1alpha1.UserlandSpec{TemplateName: "ide"},
		Status: v1alpha1.UserlandStatus{
			ObservedGeneration: 1,
			State:              v1alpha1.StateRunning,
			Template:           &v1alpha1.ObservedTemplate{Name: "ide", Generation: 3},
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.RunningReason,
			}},
		},
	}
	for _, c := range change {
		c(&u)
	}
	return u
}

func failing(u *v1alpha1.Userland) {
	u.Status.State = v1alpha1.StateFailing
	u.Status.Conditions[0].Status = metav1.ConditionFalse
	u.Status.Conditions[0].Reason = v1alpha1.ImagePullBackOffReason
}

func waiting(u *v1alpha1.Userland) {
	failing(u)
	u.Spec.TemplateName = "gone"
	u.Status.State = v1alpha1.StateWaiting
	u.Status.Template = &v1alpha1.ObservedTemplate{Name: "gone"}
	u.Status.Conditions[0].Reason = v1alpha1.TemplateNotFoundReason
}

func TestTake(t *testing.T) {
	templates := map[string]int64{"ide": 3, "db": 1}
	tests := map[string]struct {
		class  Class
		want   string
		behind int32
	}{
		"all ready": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a"), ready("b")}},
			want:  "2 of 2 ready",
		},
		"one with an edited spec that the controller has not seen": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a"), ready("b", func(u *v1alpha1.Userland) { u.Generation = 2 })}},
			want:  "1 of 2 ready, 1 starting", behind: 1,
		},
		"one that the controller has never seen": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", func(u *v1alpha1.Userland) {
				u.Status = v1alpha1.UserlandStatus{ObservedGeneration: -1}
			})}},
			want: "0 of 1 ready, 1 starting", behind: 1,
		},
		"one whose Template has since been edited": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", func(u *v1alpha1.Userland) { u.Status.Template.Generation = 2 })}},
			want:  "0 of 1 ready, 1 starting", behind: 1,
		},
		"one that still runs on the Template it had before": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", func(u *v1alpha1.Userland) { u.Spec.TemplateName = "db" })}},
			want:  "0 of 1 ready, 1 starting", behind: 1,
		},
		"one that follows the Course's Template": {
			class: Class{DefaultTemplate: "ide", Userlands: []v1alpha1.Userland{ready("a", func(u *v1alpha1.Userland) { u.Spec.TemplateName = "" })}},
			want:  "1 of 1 ready",
		},
		"one that has yet to follow the Course to another Template": {
			class: Class{DefaultTemplate: "db", Userlands: []v1alpha1.Userland{ready("a", func(u *v1alpha1.Userland) { u.Spec.TemplateName = "" })}},
			want:  "0 of 1 ready, 1 starting", behind: 1,
		},
		"one whose Template does not exist has been looked at": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", failing, func(u *v1alpha1.Userland) {
				u.Spec.TemplateName = "gone"
				u.Status.Template = &v1alpha1.ObservedTemplate{Name: "gone"}
			})}},
			want: "0 of 1 ready, 1 in trouble",
		},
		"one that waits for its Template": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a"), ready("b", waiting)}},
			want:  "1 of 2 ready, 1 waiting for a Template that is not there",
		},
		"one that names no Template anywhere has been looked at": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", failing, func(u *v1alpha1.Userland) {
				u.Spec.TemplateName, u.Status.Template = "", nil
			})}},
			want: "0 of 1 ready, 1 in trouble",
		},
		"one that Flux applied and that is not there": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a")}, Expected: []string{"a", "b"}},
			want:  "1 of 2 ready, 1 starting", behind: 1,
		},
		"one that Flux did not apply counts, too": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a"), ready("b")}, Expected: []string{"a"}},
			want:  "2 of 2 ready",
		},
		"the trouble of one that is behind may be over": {
			class: Class{Userlands: []v1alpha1.Userland{ready("a", failing, func(u *v1alpha1.Userland) { u.Generation = 2 })}},
			want:  "0 of 1 ready, 1 starting", behind: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.class.Templates = templates
			got := test.class.Take(time.Time{}, now)
			if diff := cmp.Diff(test.want, describeProgress(got)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			if got.Behind != test.behind {
				t.Errorf("%d are behind, want %d", got.Behind, test.behind)
			}
		})
	}
}

// What a Course says of its rosters counts only if it speaks of the present ones.
func TestClassHearsOfRosters(t *testing.T) {
	invalid := metav1.Condition{Type: v1alpha1.RosterValidCondition, Status: metav1.ConditionFalse, Message: "roster.csv line 41: no user"}
	held := metav1.Condition{Type: v1alpha1.HeldCondition, Status: metav1.ConditionTrue, Message: "held"}
	valid := metav1.Condition{Type: v1alpha1.RosterValidCondition, Status: metav1.ConditionTrue, Message: "24 rows"}
	volumes := metav1.Condition{Type: v1alpha1.RolloutHeldCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.VolumesHeldReason, Message: "would take volume home"}
	failing := metav1.Condition{Type: v1alpha1.RolloutHeldCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.UpdatedFailingReason, Message: "1 fails"}
	for name, test := range map[string]struct {
		observed   int64
		conditions []metav1.Condition
		suspended  bool
		unread     bool
		objection  string
	}{
		"suspended":      {observed: 2, conditions: []metav1.Condition{invalid}, suspended: true, unread: true},
		"in order":       {observed: 2, conditions: []metav1.Condition{valid}},
		"a bad line":     {observed: 2, conditions: []metav1.Condition{invalid}, objection: "roster.csv line 41: no user"},
		"held":           {observed: 2, conditions: []metav1.Condition{valid, held}, objection: "held"},
		"volumes held":   {observed: 2, conditions: []metav1.Condition{valid, volumes}, objection: "would take volume home"},
		"updates fail":   {observed: 2, conditions: []metav1.Condition{valid, failing}},
		"of before":      {observed: 1, conditions: []metav1.Condition{invalid}, unread: true},
		"never heard of": {observed: -1, unread: true},
	} {
		t.Run(name, func(t *testing.T) {
			course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: v1alpha1.CourseSpec{Rosters: []v1alpha1.RosterSource{{ConfigMap: "roster"}}}}
			course.Status.ObservedGeneration, course.Status.Conditions = test.observed, test.conditions
			course.Spec.Suspend = test.suspended
			class := Class{}
			class.enrol(course)
			if class.Unread != test.unread || class.Objection != test.objection {
				t.Errorf("unread is %v and the objection %q, want %v and %q", class.Unread, class.Objection, test.unread, test.objection)
			}
		})
	}
}

// What failed or started before the commit is not its doing, and is counted apart.
func TestWhatTheCommitDidNotBring(t *testing.T) {
	before := func(u *v1alpha1.Userland) {
		u.CreationTimestamp = metav1.NewTime(now.Add(-time.Hour))
		u.Status.Conditions[0].LastTransitionTime = metav1.NewTime(now.Add(-time.Minute))
	}
	since := func(u *v1alpha1.Userland) { u.CreationTimestamp = metav1.NewTime(now) }
	class := Class{Templates: map[string]int64{"ide": 3}, Userlands: []v1alpha1.Userland{
		ready("a", before), ready("b", failing, before), ready("c", starts, before), ready("d", since), ready("e", failing, since),
	}}
	got := class.Take(now, now)
	if got.Total != 5 || got.Ready != 2 || got.attention() != 1 || got.Others != 1 || got.Away != 1 || got.onTheirWay() != 0 {
		t.Errorf("the counts are %+v", got)
	}
	if text, want := describeSuccess(got, nil), "2 of 5 ready, 1 in trouble; 1 needs attention for a cause of before"; text != want {
		t.Errorf("it is said as %q, want %q", text, want)
	}
}
