package volume

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// Stories of what can happen to volumes, told at random: whatever the order, no
// work is lost early, goes to somebody else, or stays for ever.
func TestNoWorkIsLostEarly(t *testing.T) {
	log.SetLogger(logr.Discard())
	seeds := uint64(50)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStory(t, seed)
			for range 60 {
				s.something()
				s.look()
			}
			s.end()
		})
	}
}

// A controller whose clock is late, and that is killed on the way, promises no
// less than one that is not.
func TestPromiseOfTheKilled(t *testing.T) {
	for seed := range uint64(8) {
		for dies := range 4 {
			t.Run(fmt.Sprintf("at write %d, seed %d", dies, seed), func(t *testing.T) {
				s := newStory(t, seed)
				s.join()
				s.asleep = false
				s.look()
				home := s.mounted["home"]
				s.pass(time.Hour)
				s.clock.SetTime(s.now.Add(-10 * 24 * time.Hour))
				s.dies = dies
				s.leave()
				s.look()
				s.correct()
				s.look()
				if until, least := s.keptUntil(home), corevolume.Stamp(s.now.Add(30*24*time.Hour)); until < least {
					s.fatalf("it is kept until %s, want at least %s", until, least)
				}
			})
		}
	}
}

// A class that was dropped together goes ten at a time, and one look at all pods does
// for each batch.
func TestADroppedClassGoesInBatches(t *testing.T) {
	s := newStory(t, 1)
	until, told := corevolume.Stamp(s.now.Add(-time.Hour)), corevolume.Stamp(s.now.Add(-72*time.Hour))
	for i := range 25 {
		name := fmt.Sprintf("s%02d", i)
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Namespace: "prog1", Name: name + "--home", Labels: map[string]string{v1alpha1.UserlandLabel: name, v1alpha1.KeepUntilLabel: until},
			Annotations: map[string]string{
				v1alpha1.UserAnnotation: name, v1alpha1.VolumeAnnotation: "home", v1alpha1.RetainAnnotation: "30d",
				v1alpha1.AnnouncedAnnotation: until + " announced " + told,
			},
		}}
		if err := s.client.Create(t.Context(), claim); err != nil {
			t.Fatal(err)
		}
		w := s.work[claim.UID]
		w.unused, w.told, w.announced = s.now.Add(-31*24*time.Hour), s.now.Add(-72*time.Hour), claim.Annotations[v1alpha1.AnnouncedAnnotation]
	}
	s.keep()
	s.pass(25 * time.Hour)
	for _, want := range []int{15, 5, 0} {
		s.podLists = 0
		s.keep()
		s.keep()
		if len(s.work) != want || s.podLists != 1 {
			s.fatalf("%d volumes are left and the pods were listed %d times, want %d and once", len(s.work), s.podLists, want)
		}
		s.pass(time.Minute)
	}
}

// A story is one Userland's name in a course, its users one after another, and their work.
type story struct {
	*testing.T
	random *rand.Rand
	client client.WithWatch
	// loop is the controller; its Keeper attaches.
	loop *Reconciler
	// now is the time as it is; clock is the controller's, and server how far that
	// of the API server is ahead. One of them may be wrong.
	now    time.Time
	clock  *clocktesting.FakePassiveClock
	server time.Duration

	// user is the login of the only Userland; empty means that there is none. asleep is
	// set while its carrel does not start. template names its volumes, and row is the
	// user in the roster.
	user     string
	asleep   bool
	row      string
	template []string
	// broken is set while the roster has an error; blind, while the cache shows no
	// Userland.
	broken, blind bool
	// watched is since when, in truth, a controller has watched without a break.
	watched time.Time
	// watches counts the watches that ended.
	watches int
	resetAt *metav1.Time
	// made counts the claims made so far.
	made int
	// mounted are the claims of its Deployment, by volume.
	mounted map[string]string
	// next is when the controller wants to look again; zero: never.
	next time.Time
	// work is what there is in each claim.
	work map[types.UID]*work
	// dies is how many writes from now the controller is killed; 0: it is not.
	// Every other time the write has reached the API server.
	dies int
	// dead is set from then until another controller takes its place.
	dead bool
	// podLists counts how often the loop listed pods.
	podLists int
	log      []string
}

// errKilled is how a write ends that the controller does not live to see.
var errKilled = errors.New("killed")

// work is what a story knows of a claim.
type work struct {
	name, user, volume string
	retain             time.Duration
	// unused is since when, in truth, nobody has had a use for it; zero: it is used.
	unused time.Time
	// asked is until when a person asked to keep it; empty: nobody did.
	asked string
	// wanted is the last request, and handled the last one that was handled.
	wanted, handled string
	// announced is the announcement it bears, and told since when it has, in truth.
	announced string
	told      time.Time
}

const theUserland = "hanako"

// retains are the promises of the volumes a Template may have.
var retains = map[string]string{"home": "30d", "data": "12h", "archive": v1alpha1.KeepForever}

func newStory(t *testing.T, seed uint64) *story {
	t.Helper()
	s := &story{
		T: t, random: rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC),
		clock: clocktesting.NewFakePassiveClock(time.Time{}), template: []string{"home"}, work: map[types.UID]*work{},
	}
	s.clock.SetTime(s.now)
	// Each story has a scheme of its own, since stories run beside each other.
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&v1alpha1.Course{}).WithInterceptorFuncs(interceptor.Funcs{
		Create: s.create, Patch: s.patch, Delete: s.delete, SubResourceApply: s.apply,
	})
	if err := kube.SetupIndexes(t.Context(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	s.client = builder.Build()
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}}
	course.Spec.TemplateName, course.Spec.Rosters = "ide", []v1alpha1.RosterSource{{ConfigMap: "class"}}
	for _, o := range []client.Object{
		course, &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide"}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "class", Labels: map[string]string{v1alpha1.RosterLabel: "true"}}},
	} {
		if err := s.client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	s.writeRoster()
	s.writeTemplate()
	s.watched = s.now
	s.restart()
	return s
}

// indexer gives a fake client the indexes of the cache.
type indexer struct{ *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.WithIndex(o, field, values)
	return nil
}

// restart forgets all that is not recorded.
func (s *story) restart() {
	cached := interceptor.NewClient(s.client, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if _, is := list.(*v1alpha1.UserlandList); is && s.blind {
			return nil
		}
		return c.List(ctx, list, options...)
	}})
	live := interceptor.NewClient(s.client, interceptor.Funcs{List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
		if _, is := list.(*corev1.PodList); is {
			s.podLists++
		}
		return c.List(ctx, list, options...)
	}})
	s.loop = &Reconciler{
		Keeper: &Keeper{Client: cached, Live: live, Recent: kube.NewRecent(), Events: events.NewFakeRecorder(10000), Clock: s.clock},
		Watch:  func() string { return fmt.Sprint("watch ", s.watches) },
	}
}

// moment returns the time by both clocks.
func (s *story) moment() corevolume.Moment {
	return corevolume.Moment{Ours: s.clock.Now(), Theirs: s.now.Add(s.server)}
}

// apply writes the part of the status of the Course that the loop owns.
func (s *story) apply(ctx context.Context, _ client.Client, _ string, config runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
	before, after := s.killed()
	if before {
		return errKilled
	}
	data, err := json.Marshal(config)
	if err != nil {
		return err
	}
	applied := &v1alpha1.Course{}
	if err := json.Unmarshal(data, applied); err != nil {
		return err
	}
	s.course(ctx, func(course *v1alpha1.Course) {
		course.Status.Volumes = applied.Status.Volumes
		meta.RemoveStatusCondition(&course.Status.Conditions, v1alpha1.WorkExpiringCondition)
		for _, condition := range applied.Status.Conditions {
			meta.SetStatusCondition(&course.Status.Conditions, condition)
		}
	})
	if after {
		return errKilled
	}
	return nil
}

// readCourse returns the Course.
func (s *story) readCourse(ctx context.Context) *v1alpha1.Course {
	course := &v1alpha1.Course{}
	if err := s.client.Get(ctx, client.ObjectKey{Namespace: "prog1", Name: "prog1"}, course); err != nil {
		s.Fatal(err)
	}
	return course
}

// course edits the Course.
func (s *story) course(ctx context.Context, edit func(*v1alpha1.Course)) {
	course := s.readCourse(ctx)
	edit(course)
	status := course.DeepCopy()
	if err := s.client.Update(ctx, course); err != nil {
		s.Fatal(err)
	}
	status.ResourceVersion = course.ResourceVersion
	if err := s.client.Status().Update(ctx, status); err != nil {
		s.Fatal(err)
	}
}

// stamped is a claim as the API server returns it: with the time of the write, in
// whole seconds.
func (s *story) stamped(o client.Object) {
	at := metav1.NewTime(s.now.Add(s.server).Truncate(time.Second))
	o.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: kube.FieldOwner, Operation: metav1.ManagedFieldsOperationUpdate, Time: &at}})
}

func (s *story) create(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
	if claim, is := o.(*corev1.PersistentVolumeClaim); is {
		claim.UID, claim.CreationTimestamp = types.UID(fmt.Sprintf("claim-%d", s.made)), metav1.NewTime(s.now)
		claim.Status.Phase = corev1.ClaimBound
		// A pod runs with it at once, and that is recorded.
		delete(claim.Annotations, v1alpha1.AttachedAnnotation)
		s.made++
		s.work[claim.UID] = &work{name: claim.Name, user: claim.Annotations[v1alpha1.UserAnnotation], volume: claim.Annotations[v1alpha1.VolumeAnnotation]}
	}
	return c.Create(ctx, o, options...)
}

// killed reports whether the controller dies of this write, before or after it
// takes effect.
func (s *story) killed() (before, after bool) {
	if s.dies == 0 {
		return false, false
	}
	s.dies--
	if s.dies > 0 {
		return false, false
	}
	s.tell("the controller is killed")
	s.dead = true
	before = s.random.IntN(2) == 0
	return before, !before
}

func (s *story) patch(ctx context.Context, c client.WithWatch, o client.Object, p client.Patch, options ...client.PatchOption) error {
	before, after := s.killed()
	if before {
		return errKilled
	}
	if err := c.Patch(ctx, o, p, options...); err != nil {
		return err
	}
	s.stamped(o)
	dry := (&client.PatchOptions{}).ApplyOptions(options).DryRun != nil
	if w := s.work[o.GetUID()]; w != nil && !dry {
		s.follow(w, o)
	}
	if after {
		return errKilled
	}
	return nil
}

// follow takes account of what a write changes on a claim.
func (s *story) follow(w *work, o client.Object) {
	if announced := o.GetAnnotations()[v1alpha1.AnnouncedAnnotation]; w.announced != announced {
		w.announced, w.told = announced, s.now
	}
	handled := o.GetAnnotations()[v1alpha1.HandledRequestAnnotation]
	if handled == w.handled {
		return
	}
	w.handled = handled
	if label := o.GetLabels()[v1alpha1.KeepUntilLabel]; label != "" && label == w.wanted {
		if w.unused.IsZero() {
			s.fatalf("claim %s is in use, and a request dates it", w.name)
		}
		w.asked = label
	}
}

// ends returns when a claim may go at the earliest.
func (s *story) ends(w *work) time.Time {
	switch until, err := time.Parse(v1alpha1.KeepUntilLayout, w.asked); {
	case err == nil:
		return until
	case w.asked != "" || retains[w.volume] == v1alpha1.KeepForever:
		return s.now.Add(time.Hour)
	default:
		return w.unused.Add(w.retain)
	}
}

// objection says why nothing may be deleted now; empty: it may.
func (s *story) objection(ctx context.Context, w *work) string {
	switch c := s.readCourse(ctx); {
	case c.Spec.Suspend:
		return "the course is suspended"
	case s.broken:
		return "the roster has an error"
	case c.Generation != c.Status.ObservedGeneration:
		return "the Course has not been observed"
	case s.user == w.user, s.row == w.user:
		return "its owner is in the course"
	default:
		return ""
	}
}

// delete is where the promise is kept or not.
func (s *story) delete(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
	if _, is := o.(*corev1.PersistentVolumeClaim); is {
		if before, _ := s.killed(); before {
			return errKilled
		}
		w := s.work[o.GetUID()]
		switch {
		case w.unused.IsZero():
			s.fatalf("claim %s is deleted while it is in use", w.name)
		case s.objection(ctx, w) != "":
			s.fatalf("claim %s is deleted though %s", w.name, s.objection(ctx, w))
		case s.now.Before(s.ends(w)):
			s.fatalf("claim %s is deleted at %s, %s too early", w.name, corevolume.Stamp(s.now), s.ends(w).Sub(s.now))
		case s.mountedBy(ctx, w.name) != "":
			s.fatalf("claim %s is deleted while pod %s mounts it", w.name, s.mountedBy(ctx, w.name))
		case !strings.Contains(o.GetAnnotations()[v1alpha1.AnnouncedAnnotation], o.GetLabels()[v1alpha1.KeepUntilLabel]):
			s.fatalf("claim %s is deleted unannounced: %v", w.name, o.GetAnnotations())
		case min(s.now.Sub(w.told), s.now.Sub(s.watched)) < w.notice():
			s.fatalf("claim %s is deleted %v after it was announced, and watched for %v", w.name, s.now.Sub(w.told), s.now.Sub(s.watched))
		}
		s.tell("deleted %s", w.name)
		delete(s.work, o.GetUID())
	}
	return c.Delete(ctx, o, options...)
}

func (s *story) mountedBy(ctx context.Context, claim string) string {
	pods := &corev1.PodList{}
	if err := s.client.List(ctx, pods); err != nil {
		s.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName == claim {
			return pod.Name
		}
	}
	return ""
}

// something happens.
func (s *story) something() {
	happenings := []func(){
		s.join, s.leave, s.change, s.reset, s.wait, s.wait, s.wait, s.misset, s.correct, s.correct, s.mount, s.unmount, s.restart, s.kill,
		s.overlook, s.timer, s.timer, s.timer, s.sleep, s.enrol, s.strike, s.breakRoster, s.mend, s.mend, s.edit, s.suspend, s.outage, s.ask, s.ask,
	}
	happenings[s.random.IntN(len(happenings))]()
}

func (s *story) join() {
	if s.user == "" {
		s.user = []string{"hanako@example.ac.jp", "taro@example.ac.jp"}[s.random.IntN(4)/3]
		s.asleep = s.random.IntN(2) == 0
		s.tell("%s joins, asleep: %v", s.user, s.asleep)
		if err := s.client.Create(s.Context(), s.userland()); err != nil {
			s.Fatal(err)
		}
		s.retract()
	}
}

// retract forgets what was asked about claims that are needed again.
func (s *story) retract() {
	s.mark(s.template)
	for _, w := range s.work {
		if w.unused.IsZero() {
			w.asked = ""
		}
	}
}

// sleep has a carrel start that did not, or the other way about.
func (s *story) sleep() { s.asleep = !s.asleep }

// enrol writes a user into the roster whose Userland is not there yet, and strike takes
// the user out again.
func (s *story) enrol() {
	s.row = []string{"hanako@example.ac.jp", "taro@example.ac.jp"}[s.random.IntN(2)]
	s.tell("the roster has %s", s.row)
	s.writeRoster()
}

func (s *story) strike() {
	s.row = ""
	s.tell("the roster has nobody")
	s.writeRoster()
}

// breakRoster makes an error in the roster, and mend mends it, and has the Course
// observed.
func (s *story) breakRoster() {
	s.broken = true
	s.tell("the roster has an error")
	s.writeRoster()
}

func (s *story) mend() {
	s.broken = false
	s.tell("the roster is right")
	s.writeRoster()
	s.course(s.Context(), func(c *v1alpha1.Course) { c.Status.ObservedGeneration = c.Generation })
}

// writeRoster writes what the roster has, and whether it is valid: every other time the
// controller of Courses has not seen it yet.
func (s *story) writeRoster() {
	text := "user\n" + s.row + "\n"
	if s.broken {
		text = "nonsense\n1\n"
	}
	roster := &corev1.ConfigMap{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: "class"}, roster); err != nil {
		s.Fatal(err)
	}
	roster.Data = map[string]string{"roster.csv": text}
	if err := s.client.Update(s.Context(), roster); err != nil {
		s.Fatal(err)
	}
	valid := metav1.ConditionTrue
	if s.broken && s.random.IntN(2) == 0 {
		valid = metav1.ConditionFalse
	}
	s.course(s.Context(), func(c *v1alpha1.Course) {
		meta.SetStatusCondition(&c.Status.Conditions, metav1.Condition{Type: v1alpha1.RosterValidCondition, Status: valid, Reason: "Read"})
	})
}

// edit changes the Course, and nobody has observed that yet.
func (s *story) edit() {
	s.tell("the Course is edited")
	s.course(s.Context(), func(c *v1alpha1.Course) { c.Generation++ })
}

func (s *story) suspend() {
	s.course(s.Context(), func(c *v1alpha1.Course) {
		c.Spec.Suspend = !c.Spec.Suspend
		s.tell("suspended: %v", c.Spec.Suspend)
	})
	s.watched = s.now
}

// outage has no controller run for days. A clock may be set meanwhile.
func (s *story) outage() {
	before, last := s.now, s.moment()
	s.wait()
	if s.random.IntN(2) == 0 {
		s.misset()
	}
	s.tell("after an outage")
	if s.now.Sub(before) > 15*time.Minute {
		s.watched = s.now
	}
	if !s.moment().ContinuesFrom(last) {
		s.watches++
	}
	s.restart()
}

// ask asks to keep a claim for longer, or to let it go.
func (s *story) ask() {
	all := s.sorted()
	if len(all) == 0 {
		return
	}
	w := all[s.random.IntN(len(all))]
	s.pass(time.Second)
	w.wanted = []string{v1alpha1.KeepForever, corevolume.Stamp(s.now.Add(-time.Hour)), corevolume.Stamp(s.now.Add(5 * 24 * time.Hour))}[s.random.IntN(3)]
	s.tell("asked to keep %s until %s", w.name, w.wanted)
	s.course(s.Context(), func(c *v1alpha1.Course) {
		c.Status.Requests = &v1alpha1.CourseRequests{Volumes: []v1alpha1.VolumeRequest{{Claim: w.name, At: metav1.Time{Time: s.now}, KeepUntil: w.wanted}}}
	})
}

// notice returns how long the deletion of a claim has to be announced before.
func (w *work) notice() time.Duration {
	if w.retain == 0 {
		return 24 * time.Hour
	}
	return min(24*time.Hour, w.retain)
}

func (s *story) userland() *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: theUserland, UID: types.UID("of " + s.user)}, Spec: v1alpha1.UserlandSpec{User: s.user}}
}

// kill has the controller die at one of its next writes.
func (s *story) kill() { s.dies = 1 + s.random.IntN(4) }

// overlook is a cache that shows no Userland: it is behind, or holds one shard only.
func (s *story) overlook() {
	s.tell("the cache shows no Userland")
	s.blind = true
	s.look()
	s.blind = false
}

// keptUntil is the label of a claim.
func (s *story) keptUntil(claim string) string {
	found := &corev1.PersistentVolumeClaim{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: claim}, found); err != nil {
		s.fatalf("read claim %s: %v", claim, err)
	}
	return found.Labels[v1alpha1.KeepUntilLabel]
}

// survive is a new controller taking the place of one that was killed.
func (s *story) survive(err error) {
	if !errors.Is(err, errKilled) {
		s.fatalf("the controller fails: %v", err)
	}
	s.dead = false
	s.restart()
}

func (s *story) leave() {
	if s.user == "" {
		return
	}
	s.tell("%s leaves", s.user)
	if err := s.client.Delete(s.Context(), s.userland()); err != nil {
		s.Fatal(err)
	}
	s.deploy(nil)
	s.user, s.mounted, s.resetAt = "", nil, nil
}

func (s *story) change() {
	s.template = [][]string{{"home"}, {"data"}, {"home", "data"}, {"archive", "home"}}[s.random.IntN(4)]
	s.tell("the Template has %v", s.template)
	s.writeTemplate()
	s.retract()
}

func (s *story) writeTemplate() {
	template := &v1alpha1.Template{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: "ide"}, template); err != nil {
		s.Fatal(err)
	}
	template.Spec.Volumes = nil
	for _, name := range s.template {
		template.Spec.Volumes = append(template.Spec.Volumes, v1alpha1.Volume{Name: name, Retain: retains[name]})
	}
	if err := s.client.Update(s.Context(), template); err != nil {
		s.Fatal(err)
	}
}

// deploy makes the Deployment mount claims, by volume; nil: there is no Deployment.
func (s *story) deploy(mounts map[string]string) {
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: theUserland}}
	if err := s.client.Delete(s.Context(), deployment); client.IgnoreNotFound(err) != nil {
		s.Fatal(err)
	}
	if mounts == nil {
		return
	}
	deployment.OwnerReferences = []metav1.OwnerReference{{APIVersion: "carrel.dev/v1alpha1", Kind: "Userland", Name: theUserland, UID: s.userland().UID, Controller: new(true)}}
	for volume, claim := range mounts {
		source := corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}
		deployment.Spec.Template.Spec.Volumes = append(deployment.Spec.Template.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: source})
	}
	if err := s.client.Create(s.Context(), deployment); err != nil {
		s.Fatal(err)
	}
}

func (s *story) reset() {
	if s.user != "" {
		s.resetAt = &metav1.Time{Time: s.clock.Now()}
		s.tell("%s asks for fresh volumes", s.user)
	}
}

func (s *story) wait() {
	s.pass(time.Duration(s.random.IntN(10*24)) * time.Hour / time.Duration(1+s.random.IntN(24)))
}

// timer waits until the controller wants to look again, and not longer.
func (s *story) timer() {
	if !s.next.IsZero() {
		s.pass(max(0, s.next.Sub(s.clock.Now())))
	}
}

// pass lets time pass on all clocks.
func (s *story) pass(d time.Duration) {
	s.now = s.now.Add(d)
	s.clock.SetTime(s.clock.Now().Add(d))
	s.tell("%v later", d)
}

func (s *story) misset() {
	s.correct()
	by := time.Duration(s.random.IntN(120)-60) * 24 * time.Hour
	if s.random.IntN(2) == 0 {
		s.server = by
		s.tell("the API server's clock is %v off", by)
		return
	}
	s.clock.SetTime(s.now.Add(by))
	s.tell("the controller's clock is %v off", by)
}

func (s *story) correct() {
	s.clock.SetTime(s.now)
	s.server = 0
	s.tell("the clocks are right")
}

// mount has somebody's pod mount a claim, and unmount take one away.
func (s *story) mount() {
	for _, w := range s.sorted() {
		if s.mountedBy(s.Context(), w.name) == "" {
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "pod-of-" + strings.ToLower(w.name)}}
			pod.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: w.name}}}}
			if err := s.client.Create(s.Context(), pod); err != nil {
				s.Fatal(err)
			}
			s.tell("a pod mounts %s", w.name)
			return
		}
	}
}

func (s *story) unmount() {
	if err := s.client.DeleteAllOf(s.Context(), &corev1.Pod{}, client.InNamespace("prog1")); err != nil {
		s.Fatal(err)
	}
	s.tell("no pod mounts anything")
}

func (s *story) sorted() []*work {
	var all []*work
	for _, w := range s.work {
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b *work) int { return strings.Compare(a.name, b.name) })
	return all
}

// look is a reconciliation, twice: nothing may be left to do after the first but
// what follows from the Deployment's new volumes.
func (s *story) look() {
	for range 2 {
		switch {
		case s.user == "":
			s.mark(nil)
		case s.asleep, s.suspended():
			s.mark(s.template)
		default:
			s.attach()
		}
		s.keep()
	}
}

func (s *story) suspended() bool { return s.readCourse(s.Context()).Spec.Suspend }

// keep is a reconciliation of the course. Whoever dies of it is followed by another.
func (s *story) keep() {
	result, err := s.loop.Reconcile(s.Context(), ctrl.Request{NamespacedName: client.ObjectKey{Namespace: "prog1", Name: "prog1"}})
	s.next = time.Time{}
	if result.RequeueAfter > 0 {
		s.next = s.clock.Now().Add(result.RequeueAfter)
	}
	if err != nil {
		s.survive(err)
		return
	}
	if s.dead {
		s.dead = false
		s.restart()
		return
	}
	if s.suspended() {
		return
	}
	for _, w := range s.sorted() {
		if until := s.keptUntil(w.name); w.unused.IsZero() && until != "" {
			s.fatalf("claim %s is needed and goes at %s", w.name, until)
		}
	}
}

// attach reconciles a carrel that starts.
func (s *story) attach() {
	// What it uses now is in use from before it is looked for.
	s.retract()
	names, err := s.provideAgain(s.need())
	var other *corevolume.OtherUserError
	if errors.As(err, &other) {
		s.tell("refused: %v", err)
		return
	}
	if err != nil {
		s.survive(err)
		return
	}
	s.checkExchanges(names)
	s.resetAt, s.mounted = nil, names
	s.deploy(names)
	for volume, name := range names {
		claim := s.checkGiven(volume, name)
		if claim.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached {
			continue
		}
		if err := s.loop.RecordFirstUse(s.Context(), claim); err != nil {
			s.survive(err)
			return
		}
	}
	s.retract()
}

// need returns what the carrel needs.
func (s *story) need() corevolume.Need {
	need := corevolume.Need{Userland: s.userland(), Mounted: s.mounted, ResetAt: s.resetAt}
	for _, name := range s.template {
		need.Volumes = append(need.Volumes, v1alpha1.Volume{Name: name, Retain: retains[name]})
	}
	return need
}

// checkExchanges checks that the carrel keeps the claims that it mounts, unless a reset
// asked for others.
func (s *story) checkExchanges(names map[string]string) {
	for volume, name := range names {
		if had := s.mounted[volume]; had != "" && had != name && s.resetAt == nil {
			s.fatalf("%s is given %s in the place of %s without asking", s.user, name, had)
		}
	}
}

// checkGiven returns a claim that the carrel is given. It checks that the claim is the
// user's, is for the volume, and has no date.
func (s *story) checkGiven(volume, name string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: name}, claim); err != nil {
		s.fatalf("%s is given a claim that is not there: %v", s.user, err)
	}
	if w := s.work[claim.UID]; w.user != s.user || w.volume != volume {
		s.fatalf("%s is given the %s of %s for %s", s.user, w.volume, w.user, volume)
	}
	if until := claim.Labels[v1alpha1.KeepUntilLabel]; until != "" {
		s.fatalf("claim %s is in use and goes at %s", name, until)
	}
	return claim
}

// provideAgain provides the claims. A Keeper that waits for a write to be seen that was
// followed by a deletion is replaced.
func (s *story) provideAgain(need corevolume.Need) (map[string]string, error) {
	names, err := s.provide(need)
	if errors.Is(err, kube.ErrCacheBehind) {
		s.restart()
		return s.provide(need)
	}
	return names, err
}

// provide observes, decides and acts, as a reconciliation does.
func (s *story) provide(need corevolume.Need) (names map[string]string, err error) {
	observer := Observer{Reader: s.client, Live: s.client, Recent: s.loop.Recent}
	stock, err := observer.Observe(s.Context(), need.Userland, slices.Collect(maps.Values(need.Mounted)), s.template)
	if err != nil {
		return nil, err
	}
	attachments, obstacle := corevolume.Attach(need, stock)
	_, err = s.loop.Attach(s.Context(), need.Userland, attachments)
	return attachments.Names(), cmp.Or(err, obstacle)
}

// mark keeps the story's own account of what is used, whatever the labels say.
func (s *story) mark(volumes []string) {
	for _, w := range s.work {
		w.retain = 0
		if d, err := time.ParseDuration(strings.Replace(retains[w.volume], "30d", "720h", 1)); err == nil {
			w.retain = d
		}
		used := slices.Contains(volumes, w.volume) && w.user == s.user && (s.mounted[w.volume] == w.name || s.mounted[w.volume] == "" && s.resetAt == nil && s.latest(w))
		switch {
		case used:
			w.unused = time.Time{}
		case w.unused.IsZero():
			w.unused = s.now
		}
	}
}

// latest reports whether there is no later claim for the same volume.
func (s *story) latest(w *work) bool {
	for _, other := range s.work {
		if other.volume == w.volume && other.user == w.user && other.name > w.name {
			return false
		}
	}
	return true
}

// end puts all clocks right, lets the controller go by its own timers until it
// has none left, and finds nothing left of what nobody has a use for, but what
// nobody can tell any more whose it is.
func (s *story) end() {
	s.correct()
	s.dies, s.row = 0, ""
	s.unmount()
	if s.suspended() {
		s.suspend()
	}
	s.mend()
	s.look()
	for range 200 {
		if s.next.IsZero() {
			break
		}
		s.timer()
		s.look()
	}
	if !s.next.IsZero() {
		s.fatalf("the controller still wants to look again at %s", corevolume.Stamp(s.next))
	}
	for _, w := range s.sorted() {
		claim := &corev1.PersistentVolumeClaim{}
		if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: w.name}, claim); err != nil {
			s.Fatal(err)
		}
		if claim.Labels[v1alpha1.UserlandLabel] == "" {
			continue
		}
		forever := claim.Labels[v1alpha1.KeepUntilLabel] == v1alpha1.KeepForever
		attached := claim.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached
		_, promised := claim.Labels[v1alpha1.KeepUntilLabel]
		// A claim under the name of another person's Userland is a person's to decide.
		open := s.user != "" && !promised
		if !w.unused.IsZero() && !forever && attached && !open && w.user != s.user {
			s.fatalf("claim %s is still there, %v after anybody had a use for it", w.name, s.now.Sub(w.unused))
		}
	}
}

func (s *story) tell(format string, args ...any) {
	s.log = append(s.log, corevolume.Stamp(s.now)+" "+fmt.Sprintf(format, args...))
}

func (s *story) fatalf(format string, args ...any) {
	s.Helper()
	s.Fatalf("%s\nThe story so far:\n%s", fmt.Sprintf(format, args...), strings.Join(s.log, "\n"))
}
