package course_test

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/classroom"
)

const shardLabel = "sharding.carrel.dev/shard"

// shard puts an object into a shard; empty: into that of objects without the label.
func shard(o metav1.Object, name string) {
	if name == "" {
		o.SetLabels(nil)
		return
	}
	o.SetLabels(map[string]string{shardLabel: name})
}

// startShard starts the controllers of a shard for the course.
func startShard(w *classroom.Classroom, name string) {
	w.Helper()
	selector := shardLabel + "=" + name
	if name == "" {
		selector = "!" + shardLabel
	}
	w.StartShard(classroom.ShardOptions{Selector: selector, Namespaces: classroom.InNamespace(w.Namespace), Clock: &w.Clock, Watch: classroom.Watch})
}

// inState fails unless all Userlands of the course have a state, and the labels of a
// shard.
func inState(w *classroom.Classroom, name string, states map[string]string) {
	w.Helper()
	for student, state := range states {
		w.Until(func() error {
			u := &v1alpha1.Userland{}
			if err := w.Get(w.Context(), w.Key(student), u); err != nil {
				return err
			}
			if u.Labels[shardLabel] != name || u.Status.State != state || u.Status.ObservedGeneration != u.Generation {
				return fmt.Errorf("%s is %s in shard %q (generation %d of %d), want %s in shard %q",
					student, u.Status.State, u.Labels[shardLabel], u.Status.ObservedGeneration, u.Generation, state, name)
			}
			return nil
		})
	}
}

// A Course of rows that is given to another shard takes its Userlands along. Until they
// have followed, the former shard decides nothing about them, and the new one goes by
// all that the Course says.
func TestCourseMovesToAnotherShard(t *testing.T) {
	queue := func(c *v1alpha1.Course) { c.Spec.MaxStarting = new(int32(1)) }
	over := func(c *v1alpha1.Course) {
		c.Spec.Timetable = &v1alpha1.Timetable{TimeZone: "Asia/Tokyo", Term: v1alpha1.Term{FirstDay: "2024-04-01", LastDay: "2024-07-31"}, Sessions: []v1alpha1.Session{{
			Name: "Lab", Weekdays: []v1alpha1.Weekday{"Monday"}, Start: "09:00", Duration: metav1.Duration{Duration: time.Hour},
		}}}
	}
	for _, test := range []struct {
		name   string
		course func(*v1alpha1.Course)
		// before are the states in the former shard, after those in the new one.
		before, after map[string]string
		to            string
	}{
		{"a timetable", over, map[string]string{"hanako": v1alpha1.StateDisabled, "jiro": v1alpha1.StateDisabled},
			map[string]string{"hanako": v1alpha1.StateDisabled, "saburo": v1alpha1.StateDisabled}, "b"},
		{"a queue", queue, map[string]string{"hanako": v1alpha1.StateStarting, "jiro": v1alpha1.StateQueued},
			map[string]string{"hanako": v1alpha1.StateStarting, "saburo": v1alpha1.StateQueued}, "b"},
		{"to the shard of all others", over, map[string]string{"hanako": v1alpha1.StateDisabled, "jiro": v1alpha1.StateDisabled},
			map[string]string{"hanako": v1alpha1.StateDisabled, "saburo": v1alpha1.StateDisabled}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := moving(t)
			c := enrolling(w, "class")
			test.course(c)
			shard(c, "a")
			template := classroom.IDE()
			shard(template, "a")
			startShard(w, "a")
			w.Make(template, rosterFile("class", "user\nhanako\n"), c)
			inState(w, "a", map[string]string{"hanako": test.before["hanako"]})
			rewrite(w, "user\nhanako\njiro\n")
			inState(w, "a", test.before)
			w.Settled()

			// The Course, and with it its roster, is for the other shard, which is down.
			classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { shard(c, test.to) })
			w.Settled()
			asked := len(w.Requests.Writes())
			classroom.Change(w, "jiro", func(u *v1alpha1.Userland) { u.Spec.Section = "poke" })
			rewrite(w, "user\nhanako\nsaburo\n")
			w.Settled()
			if writes := w.Requests.Writes()[asked:]; len(writes) > 0 {
				t.Errorf("without the Course, the former shard writes %v", writes)
			}
			for student, state := range test.before {
				if u := classroom.Get[v1alpha1.Userland](w, student); u.Status.State != state {
					t.Errorf("%s is %s now, want %s", student, u.Status.State, state)
				}
			}

			classroom.Change(w, "ide", func(t *v1alpha1.Template) { shard(t, test.to) })
			startShard(w, test.to)
			inState(w, test.to, test.after)
			enrolled(w, 2)
			w.Settled()
			inState(w, test.to, test.after)
		})
	}
}

// Neither an error in the roster nor a suspended Course keeps Userlands from following
// their Course: else nobody would reconcile them.
func TestCourseMovesWhateverIsWrong(t *testing.T) {
	for name, edit := range map[string]func(*classroom.Classroom, *v1alpha1.Course){
		"a bad roster": func(w *classroom.Classroom, _ *v1alpha1.Course) { rewrite(w, "user\n\"") },
		"suspended":    func(_ *classroom.Classroom, c *v1alpha1.Course) { c.Spec.Suspend = true },
	} {
		t.Run(name, func(t *testing.T) {
			w := moving(t)
			c, template := enrolling(w, "class"), classroom.Sleeper()
			shard(c, "a")
			shard(template, "a")
			startShard(w, "a")
			startShard(w, "b")
			w.Make(template, rosterFile("class", "user\nhanako\n"), c)
			inState(w, "a", map[string]string{"hanako": v1alpha1.StateAsleep})
			classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) {
				edit(w, c)
				shard(c, "b")
			})
			w.Until(func() error {
				if is := classroom.Get[v1alpha1.Userland](w, "hanako").Labels[shardLabel]; is != "b" {
					return fmt.Errorf("hanako is in shard %q, want %q", is, "b")
				}
				return nil
			})
			w.Settled()
		})
	}
}

// moving is a course in which no controllers run yet.
func moving(t *testing.T) *classroom.Classroom {
	t.Helper()
	c := apiserver.Client(t)
	classroom.Grant(t, c)
	t.Parallel()
	return &classroom.Classroom{T: t, Client: c, Namespace: apiserver.Namespace(t, c), Requests: &classroom.Requests{}}
}
