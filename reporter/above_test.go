package reporter

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

// aboveWorld is a world with a Kustomization above the courses.
type aboveWorld struct {
	*world
	above *aboveReconciler
}

func newAboveWorld(t *testing.T) *aboveWorld {
	t.Helper()
	w := &aboveWorld{world: newWorld(t)}
	w.addKustomization()
	w.create(&corev1.ConfigMap{ObjectMeta: w.inFlux(marksName)})
	w.restart()
	return w
}

// addKustomization makes the Kustomization above the courses.
func (w *aboveWorld) addKustomization() {
	w.Helper()
	w.create(&kustomizev1.Kustomization{ObjectMeta: w.inFlux("courses"), Spec: kustomizev1.KustomizationSpec{
		Interval: metav1.Duration{Duration: time.Hour}, Path: "./clusters/test/courses",
		SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: sourcev1.GitRepositoryKind, Name: "carrel"},
	}})
}

func (w *aboveWorld) restart() {
	w.world.restart()
	w.reporter.ForgeNamespace = w.flux
	w.above = newAboveReconciler(w.reporter)
}

func (w *aboveWorld) reconcile() {
	w.Helper()
	if _, err := w.above.Reconcile(w.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.flux, Name: "carrel"}}); err != nil {
		w.Fatal(err)
	}
}

// stands has Flux stand at a commit. An empty message means that it applied it.
func (w *aboveWorld) stands(applied, attempted, message string) {
	w.Helper()
	var k kustomizev1.Kustomization
	w.get(&k, w.flux, "courses")
	k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision = "main@sha1:"+applied, "main@sha1:"+attempted
	ready := metav1.Condition{Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: fluxmeta.ReconciliationSucceededReason, LastTransitionTime: metav1.Now()}
	if message != "" {
		ready.Status, ready.Reason, ready.Message = metav1.ConditionFalse, fluxmeta.BuildFailedReason, message
	}
	k.Status.Conditions = []metav1.Condition{ready}
	if err := w.Status().Update(w.Context(), &k); err != nil {
		w.Fatal(err)
	}
	var repository sourcev1.GitRepository
	w.get(&repository, w.flux, "carrel")
	repository.Status.Artifact = &fluxmeta.Artifact{Path: "x", URL: "http://x", Revision: "main@sha1:" + attempted, Digest: "sha256:" + fmt.Sprintf("%064d", 0), LastUpdateTime: metav1.Now()}
	if err := w.Status().Update(w.Context(), &repository); err != nil {
		w.Fatal(err)
	}
}

func (w *aboveWorld) breaks(word string) string {
	return w.forge.Write(word, map[string]string{"clusters/test/courses/kustomization.yaml": "resources: [" + word})
}

func (w *aboveWorld) expect(commit string, want ...string) {
	w.Helper()
	var got []string
	for _, status := range w.forge.Posted(commit) {
		if status.Context != "carrel/"+clusterName {
			w.Errorf("a status was posted with context %q, want carrel/%s", status.Context, clusterName)
		}
		got = append(got, string(status.State)+": "+status.Description)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("statuses on commit %s (-want +got):\n%s", abbreviate(commit), diff)
	}
}

const aboveBroken = failure + "no course gets this commit's changes to courses: invalid Kustomization"

// A Kustomization above the courses that can't be built is reported once, on the commit
// that broke it, and its mend on the commit that mends it. A restart changes nothing.
func TestFailureAboveTheCoursesIsReported(t *testing.T) {
	for name, restarts := range map[string]bool{"one reporter": false, "a restart before each look": true} {
		t.Run(name, func(t *testing.T) {
			w := newAboveWorld(t)
			look := func() {
				for range 2 {
					if restarts {
						w.restart()
					}
					w.reconcile()
				}
			}
			good := w.forge.Commit("good")
			w.stands(good, good, "")
			look()
			bad := w.breaks("bad")
			later := w.forge.Commit("a course")
			w.stands(good, later, "invalid Kustomization")
			look()
			w.expect(bad, aboveBroken)
			other := w.forge.Commit("another course")
			w.stands(good, other, "invalid Kustomization")
			look()
			mend := w.breaks("mended")
			w.stands(mend, mend, "")
			look()
			w.expect(bad, aboveBroken)
			w.expect(mend, success+describeAboveMended)
			for _, commit := range []string{good, later, other} {
				w.expect(commit)
			}
			requests := w.forge.Requests()
			look()
			if more := w.forge.Requests() - requests; more != 0 {
				t.Errorf("the forge was asked %d times though nothing had changed", more)
			}
		})
	}
}

// A failure that no commit above the courses caused stays on the commit applied last,
// however many commits of courses come meanwhile.
func TestCommitsOfCoursesAreNotBlamedForWhatIsAbove(t *testing.T) {
	w := newAboveWorld(t)
	good := w.forge.Commit("good")
	w.stands(good, good, "")
	w.reconcile()
	for i := range 5 {
		foreign := w.forge.Commit(fmt.Sprint("foreign", i))
		w.stands(good, foreign, fmt.Sprint("the API server does not answer, try ", i))
		w.pass(time.Minute)
		w.reconcile()
		w.expect(foreign)
	}
	if n := len(w.forge.Posted(good)); n == 0 || n > maxPosts {
		t.Errorf("%d posts on the commit applied last, want 1 to %d", n, maxPosts)
	}
}

// While Flux is at work nothing is known to be mended, and a forge that is down is asked again
// only when it is due.
func TestWhatIsAboveWaits(t *testing.T) {
	w := newAboveWorld(t)
	good, bad := w.forge.Commit("good"), w.breaks("bad")
	w.stands(good, bad, "invalid Kustomization")
	w.forge.Fail(giteatest.HangUp)
	w.reconcile()
	requests := w.forge.Requests()
	w.reconcile()
	if more := w.forge.Requests() - requests; more != 0 {
		t.Errorf("a forge that is down was asked %d times before it was due", more)
	}
	w.forge.Fail(nil)
	w.pass(time.Hour)
	w.reconcile()
	w.expect(bad, aboveBroken)
	var k kustomizev1.Kustomization
	w.get(&k, w.flux, "courses")
	k.Status.Conditions[0].Status, k.Status.Conditions[0].Reason = metav1.ConditionUnknown, fluxmeta.ProgressingReason
	if err := w.Status().Update(t.Context(), &k); err != nil {
		t.Fatal(err)
	}
	w.reconcile()
	w.expect(bad, aboveBroken)
}

// A restart after a post asks the forge nothing, since the post is recorded.
func TestRestartAsksNothingAboveTheCourses(t *testing.T) {
	w := newAboveWorld(t)
	good, bad := w.forge.Commit("good"), w.breaks("bad")
	w.stands(good, bad, "invalid Kustomization")
	w.reconcile()
	w.expect(bad, aboveBroken)
	w.restart()
	requests := w.forge.Requests()
	w.reconcile()
	if more := w.forge.Requests() - requests; more != 0 {
		t.Errorf("the forge was asked %d times after a restart", more)
	}
}

// A commit that has had its posts costs no further read of the token, however often Flux tries.
func TestWhatIsAboveAndCanNotBePostedIsLookedAtOnce(t *testing.T) {
	w := newAboveWorld(t)
	good, bad := w.forge.Commit("good"), w.breaks("bad")
	last := v1alpha1.ReportStatus{Revision: bad, State: string(forge.Failure), Description: describeUnsteady("a failure"), Posts: maxPosts}
	repository := client.ObjectKey{Namespace: w.flux, Name: "carrel"}
	if _, err := w.above.marks.of(t.Context(), repository); err != nil {
		t.Fatal(err)
	}
	if err := w.above.marks.set(t.Context(), repository, last); err != nil {
		t.Fatal(err)
	}
	w.stands(good, bad, "invalid Kustomization")
	for range 4 {
		w.reconcile()
	}
	w.expect(bad)
	if n := w.reader.reads["*v1.Secret"]; n != 1 {
		t.Errorf("the token was read %d times in four looks, want 1", n)
	}
}

// A success is posted only after a failure, and another commit begins with no posts.
func TestNextMark(t *testing.T) {
	of := func(commit, state, words string, posts int32) v1alpha1.ReportStatus {
		return v1alpha1.ReportStatus{Revision: commit, State: state, Description: words, Posts: posts, Time: metav1.NewTime(now.Add(-time.Hour))}
	}
	for name, test := range map[string]struct {
		last          v1alpha1.ReportStatus
		commit, words string
		want          string
	}{
		"nothing fails, and nothing did":        {v1alpha1.ReportStatus{}, "A", "", "nothing"},
		"nothing fails any more":                {of("A", "failure", "x", 1), "B", "", "B success: " + describeAboveMended + " (1)"},
		"the success is posted":                 {of("B", "success", describeAboveMended, 1), "B", "", "nothing"},
		"a failure":                             {v1alpha1.ReportStatus{}, "A", "x", "A failure: x (1)"},
		"the failure is posted":                 {of("A", "failure", "x", 1), "A", "x", "nothing"},
		"it is another failure":                 {of("A", "failure", "x", 1), "A", "y", "A failure: y (2)"},
		"it is another failure, again":          {of("A", "failure", "x", maxWords), "A", "y", "nothing"},
		"it fails at another commit":            {of("A", "failure", "x", maxPosts), "B", "y", "B failure: y (1)"},
		"the last post of a commit stays true":  {of("A", "success", "x", maxPosts-1), "A", "y", "A failure: " + describeUnsteady("y") + " (6)"},
		"a commit that has had its six gets no": {of("A", "success", "x", maxPosts), "A", "y", "nothing"},
	} {
		got := "nothing"
		if next, _ := nextMark(test.last, test.commit, test.words, now); next != nil {
			got = fmt.Sprintf("%s %s: %s (%d)", next.Revision, next.State, next.Description, next.Posts)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestMarksOfARepositoryThatIsGoneAreForgotten(t *testing.T) {
	w := newAboveWorld(t)
	good, bad := w.forge.Commit("good"), w.breaks("bad")
	w.stands(good, bad, "invalid Kustomization")
	w.reconcile()
	w.expect(bad, aboveBroken)
	if err := w.Delete(t.Context(), &sourcev1.GitRepository{ObjectMeta: w.inFlux("carrel")}); err != nil {
		t.Fatal(err)
	}
	w.reconcile()
	var stored corev1.ConfigMap
	w.get(&stored, w.flux, marksName)
	if len(stored.Data) > 0 {
		t.Errorf("the ConfigMap still has %v", stored.Data)
	}
}

// aboveStory is a random history of what is above the courses.
type aboveStory struct {
	r      *rand.Rand
	mortal bool
	now    time.Time
	last   v1alpha1.ReportStatus
	marks  map[string]forge.Status
	posts  map[string]int
}

func (s *aboveStory) moment() {
	if s.mortal && s.r.IntN(4) == 0 {
		panic(killed{})
	}
}

// look does what aboveReconciler does, in its order.
func (s *aboveStory) look(commit, words string) {
	defer func() {
		if death := recover(); death != nil {
			if _, expected := death.(killed); !expected {
				panic(death)
			}
		}
	}()
	if s.last.Unconfirmed {
		var latest *forge.Status
		if mark, there := s.marks[s.last.Revision]; there {
			latest = &mark
		}
		s.last = *confirmed(&s.last, latest)
		s.moment()
	}
	next, _ := nextMark(s.last, commit, words, s.now)
	if next == nil {
		return
	}
	next.Unconfirmed = true
	s.last = *next
	s.moment()
	s.posts[commit]++
	s.marks[commit] = forge.Status{State: forge.State(next.State), Description: next.Description}
	s.moment()
	next.Unconfirmed = false
	s.last = *next
	s.moment()
}

// Whenever the reporter is killed, a commit has six posts at most about what is above the
// courses, and is never green while something fails there.
func TestRandomHistoriesAbove(t *testing.T) {
	for seed := range uint64(10_000) {
		s := &aboveStory{r: rand.New(rand.NewPCG(seed, 61)), now: now, marks: map[string]forge.Status{}, posts: map[string]int{}}
		commits := 0
		for step := range 40 {
			words := []string{"", "", "a failure", "another failure"}[s.r.IntN(4)]
			if s.r.IntN(5) == 0 {
				commits++
			}
			commit := fmt.Sprint("c", commits)
			s.now = s.now.Add([]time.Duration{time.Second, time.Minute, time.Hour}[s.r.IntN(3)])
			s.mortal = true
			s.look(commit, words)
			s.mortal = false
			s.look(commit, words)
			if mark := s.marks[commit]; words != "" && mark.State != forge.Failure {
				t.Fatalf("seed %d, step %d: commit %s is %q while there is %s", seed, step, commit, mark.State, words)
			}
			if n := s.posts[commit]; n > maxPosts {
				t.Fatalf("seed %d, step %d: %d posts on commit %s", seed, step, n, commit)
			}
			if words == "" && s.last.State == string(forge.Failure) && s.posts[s.last.Revision] < maxPosts-1 {
				t.Fatalf("seed %d, step %d: all is applied, and the last word is %+v", seed, step, s.last)
			}
		}
	}
}

// What is above the courses lies beside its GitRepository. A course's own Kustomization, and
// what comes from elsewhere than git, is not looked at.
func TestWhatIsAboveLiesBesideItsRepository(t *testing.T) {
	for name, test := range map[string]struct {
		namespace, kind, from string
		want                  int
	}{
		"beside its repository":                {"flux-system", sourcev1.GitRepositoryKind, "", 1},
		"beside its repository, with its name": {"flux-system", sourcev1.GitRepositoryKind, "flux-system", 1},
		"in a course":                          {"prog1", sourcev1.GitRepositoryKind, "flux-system", 0},
		"of another kind of source":            {"flux-system", sourcev1.OCIRepositoryKind, "", 0},
	} {
		k := &kustomizev1.Kustomization{ObjectMeta: metav1.ObjectMeta{Namespace: test.namespace, Name: "x"}}
		k.Spec.SourceRef = kustomizev1.CrossNamespaceSourceReference{Kind: test.kind, Name: "carrel", Namespace: test.from}
		if got := sourceOfKustomization(t.Context(), k); len(got) != test.want {
			t.Errorf("%s: %v is enqueued, want %d", name, got, test.want)
		}
	}
}
