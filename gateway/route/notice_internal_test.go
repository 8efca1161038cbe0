package route

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
)

func TestNotices(t *testing.T) {
	now := time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC) // a Monday
	ago := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-d)} }
	running := func(change func(*v1alpha1.UserlandStatus)) directory.Carrel {
		u := &v1alpha1.Userland{Status: v1alpha1.UserlandStatus{
			State: v1alpha1.StateRunning, LastActivityTime: ago(56 * time.Minute), LastStartTime: ago(3 * time.Hour), IdleFrom: ago(3 * time.Hour),
		}}
		change(&u.Status)
		return directory.Carrel{State: u.Status.State, Target: "10.0.0.1:80", IdleAfter: time.Hour, Userland: u}
	}
	same := func(*v1alpha1.UserlandStatus) {}
	lesson := &v1alpha1.Course{Spec: v1alpha1.CourseSpec{Timetable: &v1alpha1.Timetable{
		TimeZone: "UTC", Term: v1alpha1.Term{FirstDay: "2026-10-01", LastDay: "2027-02-01"},
		Sessions: []v1alpha1.Session{{Weekdays: []v1alpha1.Weekday{"Monday"}, Start: "09:00", Duration: metav1.Duration{Duration: 3 * time.Hour}}},
	}}}
	asleep := running(func(s *v1alpha1.UserlandStatus) { s.State = v1alpha1.StateAsleep })
	asleep.Target = ""
	sleepless := running(same)
	sleepless.IdleAfter = 0
	short := running(func(s *v1alpha1.UserlandStatus) { s.LastActivityTime = ago(70 * time.Second) })
	short.IdleAfter = 90 * time.Second
	for name, tt := range map[string]struct {
		carrel directory.Carrel
		course *v1alpha1.Course
		ends   time.Duration
		drain  bool
		want   string
		in     time.Duration
	}{
		"nobody used it for long":       {carrel: running(same), want: noticeIdle, in: 4 * time.Minute},
		"used a while ago":              {carrel: running(func(s *v1alpha1.UserlandStatus) { s.LastActivityTime = ago(50 * time.Minute) })},
		"started a while ago":           {carrel: running(func(s *v1alpha1.UserlandStatus) { s.LastStartTime = ago(10 * time.Minute) })},
		"kept running on request":       {carrel: running(func(s *v1alpha1.UserlandStatus) { s.Requests = &v1alpha1.Requests{KeepUntil: ago(-2 * time.Hour)} })},
		"in a session":                  {carrel: running(same), course: lesson},
		"in no session":                 {carrel: running(same), course: on(lesson, "Tuesday", ""), want: noticeIdle, in: 4 * time.Minute},
		"in a session of its section":   {carrel: ofSection("A", running(same)), course: on(lesson, "Monday", "A")},
		"in one of another section":     {carrel: ofSection("B", running(same)), course: on(lesson, "Monday", "A"), want: noticeIdle, in: 4 * time.Minute},
		"never stopped":                 {carrel: sleepless},
		"stopped after a short time":    {carrel: short, want: noticeIdle, in: 20 * time.Second},
		"asleep":                        {carrel: asleep, want: noticeStopped},
		"the login ends":                {carrel: running(same), ends: 9 * time.Minute, want: noticeLogin, in: 9 * time.Minute},
		"the login ends later":          {carrel: sleepless, ends: 11 * time.Minute},
		"the node is drained":           {carrel: sleepless, drain: true, want: noticeDrain},
		"the node was drained":          {carrel: asleep, drain: true, want: noticeStopped},
		"the end of a session is close": {carrel: running(same), course: ending(lesson), want: noticeIdle, in: 5 * time.Minute},
	} {
		var l auth.Login
		if tt.ends > 0 {
			l.Ends = now.Add(tt.ends)
		}
		got := noticeOf(tt.carrel, tt.course, l, tt.drain, now)
		want := notice{kind: tt.want}
		if tt.in > 0 {
			want.at = now.Add(tt.in)
		}
		if got != want {
			t.Errorf("%s: the notice is %v, want %v", name, got, want)
		}
	}
}

// on returns a course whose session is on another day, and of a section unless that is "".
func on(c *v1alpha1.Course, day v1alpha1.Weekday, section string) *v1alpha1.Course {
	c = c.DeepCopy()
	c.Spec.Timetable.Sessions[0].Weekdays = []v1alpha1.Weekday{day}
	if section != "" {
		c.Spec.Timetable.Sessions[0].Sections = []string{section}
	}
	return c
}

func ofSection(section string, c directory.Carrel) directory.Carrel {
	c.Section = section
	return c
}

// ending returns a course whose session ends at 10:05.
func ending(c *v1alpha1.Course) *v1alpha1.Course {
	c = c.DeepCopy()
	c.Spec.Timetable.Sessions[0].Duration.Duration = 65 * time.Minute
	return c
}
