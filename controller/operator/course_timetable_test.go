package operator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// meets gives the course one session for a section, some time from now, and a
// term of three days around it.
func (w *world) meets(c *v1alpha1.Course, section string, in, duration time.Duration) {
	now := w.clock.Now().UTC()
	day := func(offset int) v1alpha1.Date { return v1alpha1.Date(now.AddDate(0, 0, offset).Format(time.DateOnly)) }
	begin := now.Add(in).Truncate(time.Minute)
	c.Spec.Timetable = &v1alpha1.Timetable{
		TimeZone: "UTC",
		Term:     v1alpha1.Term{FirstDay: day(-1), LastDay: day(3)},
		Sessions: []v1alpha1.Session{{
			Name: "Lab", Start: v1alpha1.TimeOfDay(begin.Format("15:04")), Duration: metav1.Duration{Duration: duration}, Sections: []string{section},
			Prewarm: &metav1.Duration{Duration: 10 * time.Minute},
			Extra:   []v1alpha1.ExtraSession{{Date: v1alpha1.Date(begin.Format(time.DateOnly))}},
		}},
	}
}

// session waits until the Course says of its sessions what begins so.
func (w *world) session(words string) {
	w.Helper()
	w.until(func() error {
		if s := get[v1alpha1.Course](w, w.namespace).Status.Session; s == nil || !strings.HasPrefix(s.Text, words) {
			return fmt.Errorf("the Course says of its sessions %+v, want it to begin with %q", s, words)
		}
		return nil
	})
}

func TestSessionsStartAndTermsStopCarrels(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	course, other := w.course(), student("taro")
	w.meets(course, "a", 2*time.Hour, 3*time.Hour)
	taking := student("hanako")
	taking.Spec.Section, other.Spec.Section = "a", "b"
	w.make(sleeper(), course, taking, other)
	for _, name := range []string{"hanako", "taro"} {
		w.reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	}

	w.later(111 * time.Minute) // within the prewarm
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.later(159 * time.Minute) // long after it would sleep, and before the end
	w.session("now, until ")
	w.settled()
	if u := w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason); u.Status.LastActivityTime != nil {
		t.Errorf("nobody was seen, and it says when: %v", u.Status.LastActivityTime)
	}
	w.reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.later(time.Hour)
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.session("no more sessions; the term ends ")

	w.active("taro", w.clock.Now())
	w.reaches("taro", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.later(5 * 24 * time.Hour)
	w.active("taro", w.clock.Now())
	for _, name := range []string{"hanako", "taro"} {
		w.reaches(name, v1alpha1.StateDisabled, v1alpha1.TermOverReason)
		if replicas(w, name) != 0 {
			t.Errorf("the term is over, and %s runs", name)
		}
	}
	w.session("the term is over")
	w.settled()
	checkConditions(t, get[v1alpha1.Course](w, w.namespace))
}

// A session that is added while the course goes on reaches those in it, and a
// timetable that can't be read nobody.
func TestTimetableIsEdited(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	taking := student("hanako")
	taking.Spec.Section = "a"
	w.make(sleeper(), w.course(), taking)
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	change(w, w.namespace, func(c *v1alpha1.Course) { w.meets(c, "a", 5*time.Minute, time.Hour) })
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)

	change(w, w.namespace, func(c *v1alpha1.Course) { c.Spec.Timetable.TimeZone = "Asia/Tokio" })
	w.until(func() error {
		c := get[v1alpha1.Course](w, w.namespace)
		stalled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.StalledCondition)
		if stalled == nil || stalled.Reason != v1alpha1.TimetableInvalidReason || !strings.Contains(stalled.Message, `spec.timetable.timeZone: there is no time zone "Asia/Tokio"`) {
			return fmt.Errorf("the Course does not say what is wrong: %+v", c.Status.Conditions)
		}
		return nil
	})
	checkConditions(t, get[v1alpha1.Course](w, w.namespace))
	w.settled()
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}
