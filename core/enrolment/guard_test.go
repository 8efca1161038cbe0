package enrolment_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// school is a Course whose roster changes from commit to commit, as a controller that
// may be killed carries it out.
type school struct {
	course *v1alpha1.Course
	there  []v1alpha1.Userland
	now    time.Time
	// killed reports whether the controller is killed before a removal, and stays away
	// until the next commit.
	killed func() bool
	// undone is set if it was killed before it had finished.
	undone bool
}

func newSchool(limit *intstr.IntOrString) *school {
	s := &school{course: course(), now: noon, killed: func() bool { return false }}
	s.course.Spec.Rosters, s.course.Spec.Guard.MaxRemovals = []v1alpha1.RosterSource{{ConfigMap: "class"}}, limit
	return s
}

// commit carries out a roster, and returns the removal that is held; nil too if the
// controller was killed.
func (s *school) commit(users []string) *v1alpha1.HeldRemoval {
	text := "user\n"
	for _, user := range users {
		text += user + "\n"
	}
	for s.undone = false; ; {
		d := enrolment.DecideCourse(enrolment.CourseWorld{
			Course: s.course, Userlands: s.there, Files: []roster.File{{Name: "roster.csv", Data: []byte(text)}}, Now: s.now,
		})
		if !d.Due() {
			s.course.Status = d.Status()
			return d.Plan.Held
		}
		if s.write(d); s.undone {
			return nil
		}
	}
}

// write makes the changes of a decision, up to the moment at which the controller is
// killed.
func (s *school) write(d enrolment.CourseDecision) {
	for _, want := range d.Plan.Wants {
		s.there = append(s.there, named(owned(want.Row.User), want.Name)...)
	}
	if status, due := d.Record(); due {
		s.course.Status = status
	}
	gone := map[string]bool{}
	for _, u := range d.Plan.Removals {
		if s.undone = s.killed(); s.undone {
			break
		}
		gone[u.Name] = true
	}
	s.there = slices.DeleteFunc(slices.Clone(s.there), func(u v1alpha1.Userland) bool { return gone[u.Name] })
}

// confirm commits the word for the removal that is held.
func (s *school) confirm() { s.course.Spec.Guard.Confirm = s.course.Status.Roster.Held.Confirm }

// pass lets days pass.
func (s *school) pass(days int) { s.now = s.now.AddDate(0, 0, days) }

// replaced is a class of 300 of which others came in the place of the first n.
func replaced(n int) []string {
	class := people(300)
	for i := range n {
		class[i] = fmt.Sprintf("t%03d", i)
	}
	return class
}

func TestGuardCountsOverDays(t *testing.T) {
	type step struct {
		days    int
		class   []string
		confirm bool
		held    string
	}
	held := func(removals, before, of int) string {
		return fmt.Sprintf("%d, %d before, of %d", removals, before, of)
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"30 of 300 pass in a week, and no more", []step{
			{class: people(300)}, {class: people(285)}, {days: 6, class: people(270)}, {days: 1, class: people(269), held: held(1, 30, 300)},
		}},
		{"after it, those of before count no more", []step{
			{class: people(300)}, {class: people(285)}, {days: 1, class: people(270)}, {days: 7, class: people(256)}, {days: 0, class: people(254), held: held(2, 29, 300)},
		}},
		{"who is replaced is gone", []step{
			{class: people(300)}, {class: replaced(20)}, {class: replaced(30)}, {class: replaced(293), held: held(263, 30, 300)},
		}},
		{"all of a class at once, but for seven", []step{{class: people(300)}, {class: replaced(293), held: held(293, 0, 300)}}},
		{"who comes back is not gone", []step{
			{class: people(300)}, {class: people(270)}, {class: people(300)}, {class: people(270)}, {class: people(290)}, {class: people(280)}, {class: people(269), held: held(11, 20, 300)},
		}},
		{"one person who leaves again and again is one", []step{
			{class: people(20)}, {class: people(19)}, {class: people(20)}, {class: people(19)}, {class: people(20)}, {class: people(17)},
		}},
		{"a confirmation starts anew", []step{
			{class: people(300)}, {class: people(270)}, {class: people(200), held: held(70, 30, 300)}, {class: people(200), confirm: true},
			{class: people(180)}, {class: people(179), held: held(1, 20, 200)},
		}},
		{"who is back with the login in another case is not gone", []step{
			{class: people(300)}, {class: people(270)}, {class: append(people(270), "S270", "S271")}, {class: append(people(268), "S270", "S271")},
			{class: append(people(267), "S270", "S271"), held: held(1, 30, 300)},
		}},
		{"a removal that is held does not pass by itself", []step{
			{class: people(300)}, {class: people(275)}, {class: people(265), held: held(10, 25, 300)}, {days: 30, class: people(265), held: held(10, 25, 300)},
		}},
		{"another one may, once the first is long ago", []step{
			{class: people(300)}, {class: people(275)}, {class: people(265), held: held(10, 25, 300)}, {days: 30, class: people(266)},
		}},
		{"taken back, nothing of it counts", []step{
			{class: people(300)}, {class: people(265), held: held(35, 0, 300)}, {class: people(300)}, {class: people(270)},
		}},
		{"the largest class counts", []step{
			{class: people(300)}, {class: people(270)}, {days: 8, class: people(240)}, {days: 8, class: people(210)}, {days: 8, class: people(180)}, {days: 8, class: people(149), held: held(31, 0, 300)},
		}},
		{"everybody, little by little", []step{
			{class: people(4)}, {class: people(2)}, {days: 8, class: people(1)}, {days: 8, class: nil, held: held(1, 0, 4)},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSchool(nil)
			for i, step := range test.steps {
				s.pass(step.days)
				if step.confirm {
					s.confirm()
				}
				got := ""
				if h := s.commit(step.class); h != nil {
					got = held(int(h.Removals), int(h.Before), int(h.Of))
				}
				if got != step.held {
					t.Fatalf("commit %d: held are %q, want %q", i, got, step.held)
				}
			}
		})
	}
}

// 32 commits of a morning that take 300 students to 4 are stopped.
func TestSmallCommitsAreStopped(t *testing.T) {
	s := newSchool(nil)
	for n := 300; n >= 4; n -= 9 {
		s.commit(people(n))
		s.now = s.now.Add(5 * time.Minute)
	}
	if len(s.there) < 270 {
		t.Errorf("%d of 300 students are left", len(s.there))
	}
}

// The record is bounded for every limit: it has what passes without a confirmation.
func TestRecordIsBounded(t *testing.T) {
	all := intstr.FromInt32(1_000_000)
	s := newSchool(&all)
	class := func(from, to int) (users []string) {
		for i := from; i < to; i++ {
			users = append(users, fmt.Sprintf("s%05d", i))
		}
		return users
	}
	for i := range 8 {
		s.commit(class(2500*i, 2500*(i+2)))
		s.pass(1)
		recorded := 0
		for _, day := range s.course.Status.Roster.Gone {
			recorded += len(day.Carrels)
		}
		if days := len(s.course.Status.Roster.Gone); days > 8 || recorded > 10_000 {
			t.Fatalf("the status records %d carrels in %d days", recorded, days)
		}
	}
}

// Over random histories of a roster, with a controller that is killed at random, what
// the guard lets pass is what somebody who watches the students would let pass.
func TestGuardOverRandomHistories(t *testing.T) {
	histories := 400
	if testing.Short() {
		histories = 40
	}
	for seed := range histories {
		history(t, uint64(seed))
	}
}

func history(t *testing.T, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 7))
	s := newSchool(nil)
	s.killed = func() bool { return random.IntN(40) == 0 }
	everybody := people(60)
	class := everybody[:40]
	s.commit(class)
	// What an onlooker sees: when somebody was removed, and the largest class.
	removed, largest := map[string]time.Time{}, len(class)
	for range 60 {
		s.now = s.now.Add(time.Duration(random.IntN(60)) * time.Hour)
		class = edited(random, everybody, class)
		before := names(s.there)
		held := s.commit(class)
		confirmed := held != nil && random.IntN(3) == 0
		if confirmed {
			s.confirm()
			for held = s.commit(class); s.undone; {
				held = s.commit(class)
			}
		}
		after := names(s.there)
		for user := range before {
			if !after[user] {
				removed[user] = s.now
			}
		}
		maps.DeleteFunc(removed, func(user string, _ time.Time) bool { return after[user] })
		if confirmed {
			clear(removed)
			largest = len(after)
		}
		switch {
		case held != nil && len(after) == 0:
			t.Fatalf("seed %d: nobody is left, and it is held", seed)
		case held != nil:
			stays(t, seed, before, after)
		case !confirmed:
			passes(t, seed, removed, before, after, s.now, largest)
		}
		if held == nil && !s.undone {
			largest = max(largest, len(class))
		}
	}
}

// stays checks that nobody was removed.
func stays(t *testing.T, seed uint64, before, after map[string]bool) {
	t.Helper()
	for user := range before {
		if !after[user] {
			t.Fatalf("seed %d: %s is removed while the removal is held", seed, user)
		}
	}
}

// passes checks that no more were removed within 7 days than the limit lets pass.
func passes(t *testing.T, seed uint64, removed map[string]time.Time, before, after map[string]bool, now time.Time, largest int) {
	t.Helper()
	within, today := 0, 0
	for _, at := range removed {
		if now.Sub(at) <= 7*24*time.Hour {
			within++
		}
		if at.Equal(now) {
			today++
		}
	}
	if limit := max(largest/10, 3); today > 0 && within > limit {
		t.Fatalf("seed %d: %d are removed within 7 days, %d of them now, of at most %d; the limit is %d", seed, within, today, largest, limit)
	}
	if len(before) > 0 && len(after) == 0 {
		t.Fatalf("seed %d: everybody is removed without a confirmation", seed)
	}
}

// edited is a class of which some left and others came.
func edited(random *rand.Rand, everybody, class []string) []string {
	next := map[string]bool{}
	for _, user := range class {
		next[user] = true
	}
	for range random.IntN(4) {
		next[everybody[random.IntN(len(everybody))]] = random.IntN(2) == 0
	}
	if random.IntN(15) == 0 {
		next = map[string]bool{everybody[0]: true}
	}
	maps.DeleteFunc(next, func(_ string, in bool) bool { return !in })
	return slices.Sorted(maps.Keys(next))
}

func names(userlands []v1alpha1.Userland) map[string]bool {
	all := map[string]bool{}
	for i := range userlands {
		all[userlands[i].Name] = true
	}
	return all
}
