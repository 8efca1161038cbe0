package reporter

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// story is a random history of one course in a busy repository.
type story struct {
	*testing.T
	r         *rand.Rand
	now       time.Time
	roster    Sync
	templates Sync
	class     Class
	last      *v1alpha1.ReportStatus
	posts     map[string]int
	marks     map[string]forge.Status
	commits   int
	down      bool
	// mortal is set while the reporter may be killed.
	mortal bool
	// touching are the commits of the course since the last report, newest first.
	touching []string
}

func newStory(t *testing.T, seed uint64) *story {
	s := &story{T: t, r: rand.New(rand.NewPCG(seed, 16)), now: now, posts: map[string]int{}, marks: map[string]forge.Status{}}
	s.roster, s.templates = applied(rosterKey, "c0", "r0"), applied(templatesKey, "c0", "t0")
	s.class = Class{DefaultTemplate: "ide", Errands: s.r.IntN(2) == 0, Templates: map[string]int64{"ide": 1},
		Revisions: map[string]Revision{"ide": {Name: "ide-0", Since: now}}}
	s.started()
	for i := range 1 + s.r.IntN(4) {
		s.joins(i)
	}
	return s
}

func (s *story) joins(i int) {
	u := ready(fmt.Sprint("u", i))
	u.CreationTimestamp = metav1.NewTime(s.now)
	u.Status.Template.Generation = s.class.Templates["ide"]
	s.class.Userlands = append(s.class.Userlands, u)
}

// commit makes a commit of the course, or a foreign one, and has Flux come to it.
func (s *story) commit(roster, templates bool) {
	s.commits++
	revision := fmt.Sprint("c", s.commits)
	if roster || templates {
		s.touching = append([]string{revision}, s.touching...)
	}
	for _, part := range []struct {
		sync    *Sync
		changed bool
	}{{&s.roster, roster}, {&s.templates, templates}} {
		part.sync.Revision, part.sync.Since, part.sync.Failure = revision, s.now, ""
		if part.changed {
			part.sync.Content, part.sync.Began = fmt.Sprint("x", s.commits), s.now
		}
	}
	if templates {
		s.class.Templates["ide"]++
		s.class.Revisions["ide"] = Revision{Name: fmt.Sprint("ide-", s.commits), Since: s.now}
		s.started()
	}
	if roster {
		s.joins(100 + s.commits)
	}
}

func (s *story) started() {
	revision := s.class.Revisions["ide"]
	outcome := []string{"", v1alpha1.TrialRunning, v1alpha1.TrialStarted, v1alpha1.TrialNotTried, v1alpha1.TrialFailed}[s.r.IntN(5)]
	if revision.Trial = nil; outcome != "" {
		revision.Trial = &v1alpha1.TemplateTrial{Revision: revision.Name, Outcome: outcome, Message: "trial " + outcome, Time: metav1.NewTime(s.now)}
	}
	s.class.Revisions["ide"] = revision
}

func (s *story) carrel(change func(*v1alpha1.Userland)) {
	u := s.class.Userlands[s.r.IntN(len(s.class.Userlands))].DeepCopy()
	name := u.Name
	*u = ready(name, change)
	u.Status.Template.Generation = s.class.Templates["ide"]
	for i := range s.class.Userlands {
		if s.class.Userlands[i].Name == name {
			u.CreationTimestamp = s.class.Userlands[i].CreationTimestamp
			u.Status.Conditions[0].LastTransitionTime = metav1.NewTime(s.now)
			s.class.Userlands[i] = *u
		}
	}
}

func starts(u *v1alpha1.Userland) {
	failing(u)
	u.Status.State, u.Status.Conditions[0].Reason = v1alpha1.StateStarting, v1alpha1.StartingReason
}

// event does one thing that may happen.
func (s *story) event() {
	switch s.r.IntN(12) {
	case 0:
		s.commit(true, false)
	case 1:
		s.commit(false, true)
	case 2, 3, 4:
		s.commit(false, false)
	case 5:
		s.carrel(failing)
	case 6:
		s.carrel(starts)
	case 7, 8:
		s.carrel(func(*v1alpha1.Userland) {})
	case 9:
		s.started()
	case 10:
		s.down = !s.down
	case 11:
		s.class.Forgotten = int32(s.r.IntN(2))
	}
	s.now = s.now.Add([]time.Duration{time.Second, 20 * time.Second, 2 * time.Minute, 20 * time.Minute, 30 * time.Hour}[s.r.IntN(5)])
}

// killed is the value with which the reporter panics at the moment of its death.
type killed struct{}

// moment is a moment at which the reporter may be killed.
func (s *story) moment() {
	if s.mortal && s.r.IntN(6) == 0 {
		panic(killed{})
	}
}

// look is one pass of the reporter, which may be killed between any two writes. It returns
// what is true, and whether the reporter survived.
func (s *story) look() (truth verdict, survived bool) {
	defer func() {
		if death := recover(); death != nil {
			if _, expected := death.(killed); !expected {
				panic(death)
			}
		}
	}()
	syncs := []Sync{s.roster, s.templates}
	var found *Attribution
	if len(s.touching) > 0 {
		found = &Attribution{Commit: s.touching[0], Superseded: s.touching[1:]}
	}
	if s.last != nil && s.last.Unconfirmed && !s.down {
		s.last = confirmed(s.last, s.latest(s.last.Revision))
		s.moment()
	}
	aim := AimAt(syncs, s.last, s.roster.Revision, found)
	tally := s.class.Take(aim.Since, s.now)
	truth = judge(aim, syncs, tally)
	if s.down {
		return truth, true
	}
	d := Decide(aim, syncs, tally, s.last, s.now)
	if d.Report != nil {
		s.carryOut(d)
	}
	s.touching = nil
	return truth, true
}

// latest returns the mark of a commit, as the forge does.
func (s *story) latest(commit string) *forge.Status {
	if mark, there := s.marks[commit]; there {
		return &mark
	}
	return nil
}

// carryOut does what Reconciler.carryOut does, in its order.
func (s *story) carryOut(d Decision) {
	for _, commit := range d.Supersedes {
		if mark := s.latest(commit); mark == nil || !isSuperseded(mark.Description) {
			s.post(commit, forge.Pending, describeSuperseded(d.Report.Revision))
		}
	}
	if d.Post {
		intent := d.Report.DeepCopy()
		intent.Unconfirmed = true
		s.last, s.touching = intent, nil
		s.moment()
		s.post(d.Report.Revision, forge.State(d.Report.State), d.Report.Description)
	}
	s.last = d.Report
	s.moment()
}

func (s *story) post(commit string, state forge.State, description string) {
	s.moment()
	s.posts[commit]++
	s.marks[commit] = forge.Status{State: state, Description: description}
	s.moment()
}

// Whatever happens, and whenever the reporter is killed, a mark is never green while
// something that the commit brought fails, nor pending for longer than promised, a commit has
// six posts at most, and a commit of others gets none.
func TestRandomHistories(t *testing.T) {
	for seed := range uint64(10_000) {
		s := newStory(t, seed)
		s.mortal = seed%2 == 1
		s.look()
		for step := range 40 {
			before, foreign := maps.Clone(s.posts), s.commits
			content := s.roster.Content + s.templates.Content
			s.event()
			truth, survived := s.look()
			for commit, n := range s.posts {
				if n > maxPosts {
					t.Fatalf("seed %d, step %d: %d posts on commit %s (before %d)", seed, step, n, commit, before[commit])
				}
			}
			if s.down || !survived {
				continue
			}
			if untrue := s.untrue(truth); untrue != "" {
				t.Fatalf("seed %d, step %d: commit %s is %s", seed, step, s.last.Revision, untrue)
			}
			if s.commits > foreign && content == s.roster.Content+s.templates.Content && s.posts[fmt.Sprint("c", s.commits)] > 0 {
				t.Fatalf("seed %d, step %d: a foreign commit got a mark", seed, step)
			}
		}
		s.rest(seed)
	}
}

// untrue describes a mark that says something else than how things are; empty if it is true.
func (s *story) untrue(truth verdict) string {
	began := s.last.Time.Time
	if s.last.Since != nil {
		began = s.last.Since.Time
	}
	mark := s.marks[s.last.Revision]
	if truth.state == "failure" && !truth.interim && mark.State == forge.Success && s.now.Sub(began) < watchFor {
		return "green while " + truth.description
	}
	silent := s.now.Sub(s.last.ProgressTime.Time)
	if mark.State == forge.Pending && silent >= progressDeadline && !s.class.Take(sinceOf(s.last), s.now).awaitsTrial() {
		return fmt.Sprintf("pending (%s) for %v without progress", mark.Description, silent)
	}
	return ""
}

// rest lets everything come to an end and expects the mark that follows from how it stands.
func (s *story) rest(seed uint64) {
	s.down, s.mortal, s.class.Forgotten = false, false, 0
	fails := s.r.IntN(2) == 0
	s.commit(true, true)
	revision := s.class.Revisions["ide"]
	revision.Trial = &v1alpha1.TemplateTrial{Revision: revision.Name, Outcome: v1alpha1.TrialStarted, Message: "trial started in 7 s", Time: metav1.NewTime(s.now)}
	s.class.Revisions["ide"] = revision
	order := s.r.Perm(len(s.class.Userlands))
	for _, i := range order {
		u := &s.class.Userlands[i]
		made := u.CreationTimestamp
		*u = ready(u.Name)
		u.CreationTimestamp, u.Status.Template.Generation = made, s.class.Templates["ide"]
		if fails && i == 0 {
			failing(u)
		}
		s.now = s.now.Add(time.Minute)
		s.look()
	}
	s.look()
	want := map[bool]forge.State{true: forge.Failure, false: forge.Success}[fails]
	if got := s.marks[fmt.Sprint("c", s.commits)].State; got != want {
		s.Fatalf("seed %d: in the end the mark is %q, want %q (%+v)", seed, got, want, s.last)
	}
	if behind := slices.Collect(maps.Keys(s.last.Behind)); len(behind) > 0 {
		s.Fatalf("seed %d: %v are waited for in the end", seed, behind)
	}
}

// A commit that does not get on turns red within the time promised, however many commits of
// others come meanwhile, and they cost no post.
func TestForeignCommitsDoNotRestartTheClock(t *testing.T) {
	s := newStory(t, 1)
	s.class.Errands = false
	s.class.Revisions["ide"] = Revision{Name: "ide-0", Since: now}
	s.carrel(starts)
	s.look()
	for range 15 * 12 {
		if s.marks["c0"].State != forge.Pending {
			t.Fatalf("after %v the mark is %v", s.now.Sub(now), s.marks["c0"])
		}
		s.now = s.now.Add(5 * time.Second)
		s.commit(false, false)
		s.look()
	}
	if s.marks["c0"].State != forge.Failure || s.posts["c0"] != 2 || len(s.posts) != 1 {
		t.Errorf("after 15 minutes the marks are %v with posts %v, want a failure of two posts", s.marks, s.posts)
	}
}

// 50 courses share a repository in which each commit changes one of them. While all is well a
// commit costs two posts at most. While carrels fail and are mended it costs six at most, and
// the last truth is posted.
func TestBusyRepository(t *testing.T) {
	for name, test := range map[string]struct {
		unsteady bool
		most     int
	}{"all is well": {false, 2}, "carrels fail and are mended": {true, maxPosts}} {
		t.Run(name, func(t *testing.T) {
			for i := range 50 {
				s := newStory(t, uint64(i))
				s.class.Errands = false
				s.look()
				for n := range 500 {
					s.now = s.now.Add(time.Minute)
					s.commit(n%50 == i, false)
					if test.unsteady {
						s.carrel([]func(*v1alpha1.Userland){failing, starts, func(*v1alpha1.Userland) {}}[s.r.IntN(3)])
					}
					truth, _ := s.look()
					if truth.state == forge.Failure && !truth.interim && s.marks[s.last.Revision].State != forge.Failure {
						t.Fatalf("course %d, minute %d: commit %s is %+v while %s", i, n, s.last.Revision, s.marks[s.last.Revision], truth.description)
					}
				}
				for commit, n := range s.posts {
					if n > test.most {
						t.Errorf("course %d: %d posts on commit %s, want at most %d", i, n, commit, test.most)
					}
				}
				if marked := len(s.posts); marked > 1+500/50 {
					t.Errorf("course %d: %d commits have a mark, and 11 are its own", i, marked)
				}
				s.rest(uint64(i))
			}
		})
	}
}
