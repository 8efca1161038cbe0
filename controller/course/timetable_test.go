package course_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// meets gives the course one session for a section, some time from now, and a
// term of three days around it.
func meets(w *classroom.Classroom, c *v1alpha1.Course, section string, in, duration time.Duration) {
	now := w.Clock.Now().UTC()
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
func session(w *classroom.Classroom, words string) {
	w.Helper()
	w.Until(func() error {
		if s := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Session; s == nil || !strings.HasPrefix(s.Text, words) {
			return fmt.Errorf("the Course says of its sessions %+v, want it to begin with %q", s, words)
		}
		return nil
	})
}

func TestSessionsStartAndTermsStopCarrels(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	course, other := w.Course(), classroom.Student("taro")
	meets(w, course, "a", 2*time.Hour, 3*time.Hour)
	taking := classroom.Student("hanako")
	taking.Spec.Section, other.Spec.Section = "a", "b"
	w.Make(classroom.Sleeper(), course, taking, other)
	for _, name := range []string{"hanako", "taro"} {
		w.Reaches(name, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	}

	w.Later(111 * time.Minute) // within the prewarm
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Later(159 * time.Minute) // long after it would sleep, and before the end
	session(w, "now, until ")
	w.Settled()
	if u := w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason); u.Status.LastActivityTime != nil {
		t.Errorf("nobody was seen, and it says when: %v", u.Status.LastActivityTime)
	}
	w.Reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Later(time.Hour)
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	session(w, "no more sessions; the term ends ")

	w.Active("taro", w.Clock.Now())
	w.Reaches("taro", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Later(5 * 24 * time.Hour)
	w.Active("taro", w.Clock.Now())
	for _, name := range []string{"hanako", "taro"} {
		w.Reaches(name, v1alpha1.StateDisabled, v1alpha1.TermOverReason)
		if classroom.Replicas(w, name) != 0 {
			t.Errorf("the term is over, and %s runs", name)
		}
	}
	session(w, "the term is over")
	w.Settled()
	classroom.CheckConditions(t, classroom.Get[v1alpha1.Course](w, w.Namespace))
}

// A session that is added while the course goes on reaches those in it, and a
// timetable that can't be read nobody.
func TestTimetableIsEdited(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	taking := classroom.Student("hanako")
	taking.Spec.Section = "a"
	w.Make(classroom.Sleeper(), w.Course(), taking)
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { meets(w, c, "a", 5*time.Minute, time.Hour) })
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)

	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Timetable.TimeZone = "Asia/Tokio" })
	w.Until(func() error {
		c := classroom.Get[v1alpha1.Course](w, w.Namespace)
		stalled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.StalledCondition)
		if stalled == nil || stalled.Reason != v1alpha1.TimetableInvalidReason || !strings.Contains(stalled.Message, `spec.timetable.timeZone: there is no time zone "Asia/Tokio"`) {
			return fmt.Errorf("the Course does not say what is wrong: %+v", c.Status.Conditions)
		}
		return nil
	})
	classroom.CheckConditions(t, classroom.Get[v1alpha1.Course](w, w.Namespace))
	w.Settled()
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}
