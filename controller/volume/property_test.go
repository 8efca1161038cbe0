package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// Stories of what can happen to volumes, told at random: whatever the order, no
// work is lost early, goes to somebody else, or stays for ever.
func TestNoWorkIsLostEarly(t *testing.T) {
	for seed := range uint64(50) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
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
				s.look()
				home := s.mounted["home"]
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

// A story is one Userland's name, its users one after another, and their work.
type story struct {
	*testing.T
	random *rand.Rand
	client client.WithWatch
	keeper *Keeper
	// now is the time as it is; clock is the controller's, and server how far that
	// of the API server is ahead. One of them may be wrong.
	now    time.Time
	clock  *clocktesting.FakePassiveClock
	server time.Duration

	// user is whose Userland there is; empty: none. template names its volumes.
	user     string
	template []string
	resetAt  *metav1.Time
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
	log  []string
}

// errKilled is how a write ends that the controller does not live to see.
var errKilled = errors.New("killed")

// work is what a story knows of a claim.
type work struct {
	name, user, volume string
	retain             time.Duration
	// unused is since when, in truth, nobody has had a use for it; zero: it is used.
	unused time.Time
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
	builder := fake.NewClientBuilder().WithScheme(clientgoscheme.Scheme).WithInterceptorFuncs(interceptor.Funcs{
		Create: s.create, Patch: s.patch, Delete: s.delete,
	})
	if err := v1alpha1.AddToScheme(clientgoscheme.Scheme); err != nil {
		t.Fatal(err)
	}
	if err := kube.SetupIndexes(t.Context(), indexer{builder}); err != nil {
		t.Fatal(err)
	}
	s.client = builder.Build()
	s.restart()
	return s
}

// indexer gives a fake client the indexes of the cache.
type indexer struct{ *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.WithIndex(o, field, values)
	return nil
}

// restart forgets all that is not on the claims.
func (s *story) restart() {
	s.keeper = &Keeper{Client: s.client, Live: s.client, Recent: kube.NewRecent(), Events: events.NewFakeRecorder(10000), Clock: s.clock}
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
	if w := s.work[o.GetUID()]; !dry && w.announced != o.GetAnnotations()[v1alpha1.AnnouncedAnnotation] {
		w.announced, w.told = o.GetAnnotations()[v1alpha1.AnnouncedAnnotation], s.now
	}
	if after {
		return errKilled
	}
	return nil
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
		case retains[w.volume] == v1alpha1.KeepForever:
			s.fatalf("claim %s is deleted, which was to be kept for ever", w.name)
		case s.now.Before(w.unused.Add(w.retain)):
			s.fatalf("claim %s is deleted at %s, %s too early", w.name, corevolume.Stamp(s.now), w.unused.Add(w.retain).Sub(s.now))
		case s.mountedBy(ctx, w.name) != "":
			s.fatalf("claim %s is deleted while pod %s mounts it", w.name, s.mountedBy(ctx, w.name))
		case !strings.Contains(o.GetAnnotations()[v1alpha1.AnnouncedAnnotation], o.GetLabels()[v1alpha1.KeepUntilLabel]):
			s.fatalf("claim %s is deleted unannounced: %v", w.name, o.GetAnnotations())
		case s.now.Sub(w.told) < min(24*time.Hour, w.retain):
			s.fatalf("claim %s is deleted %v after it was announced", w.name, s.now.Sub(w.told))
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
		s.join, s.leave, s.change, s.reset, s.wait, s.wait, s.wait, s.misset, s.correct, s.correct, s.mount, s.unmount, s.unlabel, s.restart, s.kill,
		s.overlook, s.timer, s.timer,
	}
	happenings[s.random.IntN(len(happenings))]()
}

func (s *story) join() {
	if s.user == "" {
		s.user = []string{"hanako@example.ac.jp", "taro@example.ac.jp"}[s.random.IntN(4)/3]
		s.tell("%s joins", s.user)
		if err := s.client.Create(s.Context(), s.userland()); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *story) userland() *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: theUserland}, Spec: v1alpha1.UserlandSpec{User: s.user}}
}

// kill has the controller die at one of its next writes.
func (s *story) kill() { s.dies = 1 + s.random.IntN(4) }

// overlook is the controller not seeing the Userland there is, as one does whose
// cache is behind or holds a part of all Userlands only.
func (s *story) overlook() {
	if s.user != "" {
		if _, err := s.keeper.Release(s.Context(), s.key()); err != nil {
			s.survive(err)
		}
		for _, name := range s.mounted {
			if until := s.keptUntil(name); until != "" {
				s.fatalf("claim %s is in use and goes at %s", name, until)
			}
		}
	}
}

// keptUntil is the label of a claim.
func (s *story) keptUntil(claim string) string {
	found := &corev1.PersistentVolumeClaim{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: claim}, found); err != nil {
		s.fatalf("read claim %s: %v", claim, err)
	}
	return found.Labels[v1alpha1.KeepUntilLabel]
}

func (s *story) key() client.ObjectKey {
	return client.ObjectKey{Namespace: "prog1", Name: theUserland}
}

// survive is a new controller taking the place of one that was killed.
func (s *story) survive(err error) {
	if !errors.Is(err, errKilled) {
		s.fatalf("the controller fails: %v", err)
	}
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
	s.user, s.mounted, s.resetAt = "", nil, nil
}

func (s *story) change() {
	s.template = [][]string{{"home"}, {"data"}, {"home", "data"}, {"archive", "home"}}[s.random.IntN(4)]
	s.tell("the Template has %v", s.template)
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

// unlabel has somebody take a label from a claim in use.
func (s *story) unlabel() {
	if len(s.mounted) == 0 {
		return
	}
	name := s.mounted[slices.Min(slices.Collect(maps.Keys(s.mounted)))]
	claim := &corev1.PersistentVolumeClaim{}
	if err := s.client.Get(s.Context(), client.ObjectKey{Namespace: "prog1", Name: name}, claim); err != nil {
		s.Fatal(err)
	}
	delete(claim.Labels, v1alpha1.UserlandLabel)
	if err := s.client.Update(s.Context(), claim); err != nil {
		s.Fatal(err)
	}
	s.tell("somebody takes the label of %s", name)
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
		if s.user == "" {
			s.mark(nil)
			var err error
			if s.next, err = s.keeper.Release(s.Context(), s.key()); err != nil && !apierrors.IsConflict(err) {
				s.survive(err)
			}
			continue
		}
		s.attach()
	}
}

func (s *story) attach() {
	need := corevolume.Need{Userland: s.userland(), Mounted: s.mounted, ResetAt: s.resetAt}
	for _, name := range s.template {
		need.Volumes = append(need.Volumes, v1alpha1.Volume{Name: name, Retain: retains[name]})
	}
	// What it uses now is in use from before it is looked for.
	s.mark(s.template)
	names, attached, err := s.provide(need)
	if errors.Is(err, kube.ErrCacheBehind) {
		// It waits for a write to be seen that was followed by a deletion.
		s.restart()
		names, attached, err = s.provide(need)
	}
	s.next = attached.Next
	var other *corevolume.OtherUserError
	if errors.As(err, &other) {
		s.tell("refused: %v", err)
		return
	}
	if err != nil {
		s.survive(err)
		return
	}
	for volume, name := range names {
		if had := s.mounted[volume]; had != "" && had != name && s.resetAt == nil {
			s.fatalf("%s is given %s in the place of %s without asking", s.user, name, had)
		}
	}
	s.resetAt, s.mounted = nil, names
	for volume, name := range names {
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
	}
	s.mark(s.template)
}

// provide observes, decides and acts, as a reconciliation does.
func (s *story) provide(need corevolume.Need) (names map[string]string, attached Attached, err error) {
	observer := Observer{Reader: s.client, Live: s.client, Recent: s.keeper.Recent}
	stock, err := observer.Observe(s.Context(), need.Userland, slices.Collect(maps.Values(need.Mounted)), s.template)
	if err != nil {
		return nil, attached, err
	}
	attachments, obstacle := corevolume.Attach(need, stock)
	attached, err = s.keeper.Attach(s.Context(), need.Userland, attachments)
	return attachments.Names(), attached, cmp.Or(err, obstacle)
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
	s.dies = 0
	s.unmount()
	s.look()
	for range 100 {
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
		_, promised := claim.Labels[v1alpha1.KeepUntilLabel]
		if !w.unused.IsZero() && retains[w.volume] != v1alpha1.KeepForever && (s.user == "" || w.user == s.user || promised) {
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
