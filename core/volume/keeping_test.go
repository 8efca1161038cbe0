package volume

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// keepingNow is the time of these tests.
var keepingNow = time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)

// thisWatch is the watch of these tests.
const thisWatch = "this"

func in(d time.Duration) string { return Stamp(keepingNow.Add(d)) }

// course returns a Course whose rosters were read, and whose volumes have been watched
// for 100 days.
func course() *v1alpha1.Course {
	c := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: "prog1", Namespace: "prog1", Generation: 3}}
	c.Spec.Rosters = []v1alpha1.RosterSource{{ConfigMap: "class"}}
	c.Status.ObservedGeneration = 3
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.RosterValidCondition, Status: metav1.ConditionTrue}}
	c.Status.Volumes = &v1alpha1.VolumeStatus{WatchedSince: &metav1.Time{Time: keepingNow.Add(-100 * 24 * time.Hour)}, Watch: thisWatch}
	return c
}

// left returns the claim that hanako left behind, bound and used.
func left(edits ...func(*corev1.PersistentVolumeClaim)) corev1.PersistentVolumeClaim {
	c := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Name: "hanako--home", Labels: map[string]string{v1alpha1.UserlandLabel: "hanako"},
		Annotations: map[string]string{
			v1alpha1.UserAnnotation: "hanako", v1alpha1.VolumeAnnotation: "home", v1alpha1.RetainAnnotation: "30d",
			v1alpha1.AttachedAnnotation: "20260401T000000Z", v1alpha1.ClaimTemplateAnnotation: "ide",
		},
	}}
	c.Spec.VolumeName, c.Status.Phase = "pv", corev1.ClaimBound
	for _, edit := range edits {
		edit(&c)
	}
	return c
}

func promised(until string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Labels[v1alpha1.KeepUntilLabel] = until }
}

// over is a promise that ended an hour ago, after an announcement of three days.
func over(c *corev1.PersistentVolumeClaim) {
	promised(in(-time.Hour))(c)
	c.Annotations[v1alpha1.AnnouncedAnnotation] = in(-time.Hour) + announcedAt + in(-72*time.Hour)
}

func announcedIn(watch string) func(*corev1.PersistentVolumeClaim) {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.AnnouncedInAnnotation] = watch }
}

func never(c *corev1.PersistentVolumeClaim) {
	c.Annotations[v1alpha1.AttachedAnnotation] = v1alpha1.NeverAttached
}

func pending(c *corev1.PersistentVolumeClaim) {
	c.Spec.VolumeName, c.Status.Phase = "", corev1.ClaimPending
}

// enrolled returns the carrel of a user, which has a home.
func enrolled(name, user string) Carrel {
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "prog1"}, Spec: v1alpha1.UserlandSpec{User: user}}
	return Carrel{Userland: u, Template: "ide", Volumes: []string{"home"}}
}

func asked(claim, until string, at time.Duration) func(*KeepingWorld) {
	return func(w *KeepingWorld) {
		w.Course.Status.Requests = &v1alpha1.CourseRequests{Volumes: []v1alpha1.VolumeRequest{
			{Claim: claim, At: metav1.Time{Time: keepingNow.Add(at)}, KeepUntil: until},
		}}
	}
}

func edited(edit func(*v1alpha1.Course)) func(*KeepingWorld) {
	return func(w *KeepingWorld) { edit(w.Course) }
}

func rosters(status metav1.ConditionStatus) func(*KeepingWorld) {
	return edited(func(c *v1alpha1.Course) { c.Status.Conditions[0].Status = status })
}

func TestDecideKeeping(t *testing.T) {
	there := func(w *KeepingWorld) { w.Carrels = append(w.Carrels, enrolled("hanako", "hanako")) }
	withoutCourse := func(w *KeepingWorld) { w.Course = nil }
	confirmed := func(w *KeepingWorld) { w.Confirmed = true }
	for _, test := range []struct {
		name  string
		claim corev1.PersistentVolumeClaim
		world []func(*KeepingWorld)
		// want is the step that is due, and next when to look again.
		want Step
		next string
	}{
		{name: "nobody needs it", claim: left(), want: StepPromise},
		{name: "its user is in the course", claim: left(), world: []func(*KeepingWorld){there}},
		{name: "its user is back and has not started", claim: left(promised(in(time.Hour))), world: []func(*KeepingWorld){there}, want: StepReturn},
		{name: "its user is back under another name of the carrel", claim: left(promised(in(time.Hour))), want: StepReturn,
			world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Carrels = append(w.Carrels, enrolled("hanako-ide", "HANAKO")) }}},
		{name: "no pod ever ran with it", claim: left(never)},
		{name: "no pod ever ran with it, and a person lets it go", claim: left(never), world: []func(*KeepingWorld){asked("hanako--home", in(-time.Minute), -time.Minute)}, want: StepAnswer},
		{name: "no pod ever ran with it, and it was let go a day ago", claim: left(never, over), want: StepRemove},
		{name: "it never had a volume", claim: left(never, pending), want: StepDiscard},
		{name: "it never had a volume, and a restore will give it one", claim: left(never, pending, func(c *corev1.PersistentVolumeClaim) {
			c.Spec.DataSource = &corev1.TypedLocalObjectReference{Kind: "VolumeSnapshot", Name: "yesterday"}
		})},
		{name: "it has no volume yet, and a person made it", claim: left(pending, func(c *corev1.PersistentVolumeClaim) {
			delete(c.Annotations, v1alpha1.AttachedAnnotation)
		}), want: StepPromise},
		{name: "another Deployment mounts it", claim: left(), world: []func(*KeepingWorld){func(w *KeepingWorld) {
			c := enrolled("taro", "taro")
			c.Mounted = map[string]string{"home": "hanako--home"}
			w.Carrels = append(w.Carrels, c)
		}}},
		{name: "suspended: not dated", claim: left(), world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Spec.Suspend = true })}},
		{name: "a row has its user, and no Userland yet", claim: left(), world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Rows = []string{"Hanako"} }}},
		{name: "the rosters can't be read", claim: left(), world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Unread = "the rosters have errors" }}},

		{name: "promised for long", claim: left(promised(in(10 * 24 * time.Hour))), next: in(3 * 24 * time.Hour)},
		{name: "announced a day before", claim: left(promised(in(time.Hour))), want: StepAnnounce},
		{name: "over", claim: left(over), want: StepRemove},
		{name: "over, and its user is there", claim: left(over), world: []func(*KeepingWorld){there}, want: StepReturn},
		{name: "over, and its user has a carrel without it", claim: left(over, func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.VolumeAnnotation] = "data" }),
			world: []func(*KeepingWorld){there}},
		{name: "over, and a row has its user", claim: left(over), world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Rows = []string{"HANAKO"} }}},
		{name: "over, and the Course has a new generation", claim: left(over), world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Generation++ })}},
		{name: "over, and the rosters have errors", claim: left(over), world: []func(*KeepingWorld){rosters(metav1.ConditionFalse)}},
		{name: "over, and the rosters are being written", claim: left(over), world: []func(*KeepingWorld){rosters(metav1.ConditionUnknown)}},
		{name: "over, and the rosters are not read yet", claim: left(over), world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Status.Conditions = nil })}},
		{name: "over, and the rosters can't be read now", claim: left(over), world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Unread = "a roster does not exist" }}},
		{name: "over, and suspended", claim: left(over), world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Spec.Suspend = true })}},
		{name: "over, and the Course goes", claim: left(over), world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.DeletionTimestamp = &metav1.Time{Time: keepingNow} })}},
		{name: "over during an outage", claim: left(over), world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Watch = "another" }}, next: in(24 * time.Hour)},
		{name: "over during a suspension", claim: left(over), next: in(24 * time.Hour),
			world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Status.Volumes.WatchedSince = nil })}},
		{name: "over, in the pause after a batch", claim: left(over), next: in(50 * time.Second),
			world: []func(*KeepingWorld){func(w *KeepingWorld) {
				w.Rest = Rest{From: keepingNow.Add(-10 * time.Second), Until: keepingNow.Add(50 * time.Second)}
			}}},
		{name: "over, in a pause that a clock began that ran ahead", claim: left(over), want: StepRemove,
			world: []func(*KeepingWorld){func(w *KeepingWorld) {
				w.Rest = Rest{From: keepingNow.Add(time.Hour), Until: keepingNow.Add(61 * time.Minute)}
			}}},
		{name: "over, without a Course", claim: left(over), world: []func(*KeepingWorld){withoutCourse}, next: in(time.Hour)},
		{name: "over, without a Course, confirmed", claim: left(over, announcedIn(thisWatch)), world: []func(*KeepingWorld){withoutCourse, confirmed}, want: StepRemove},
		{name: "over, without a Course, after an outage", claim: left(over, announcedIn("another")), world: []func(*KeepingWorld){withoutCourse, confirmed}, want: StepAnnounce},
		{name: "over, announced in a Course that is gone", claim: left(over), world: []func(*KeepingWorld){withoutCourse, confirmed}, want: StepAnnounce},

		{name: "asked to keep", claim: left(over), world: []func(*KeepingWorld){asked("hanako--home", v1alpha1.KeepForever, -time.Second)}, want: StepAnswer},
		{name: "asked for another claim", claim: left(), world: []func(*KeepingWorld){asked("taro--home", v1alpha1.KeepForever, 0)}, want: StepPromise},
		{name: "asked, and handled", claim: left(over, func(c *corev1.PersistentVolumeClaim) {
			c.Annotations[v1alpha1.HandledRequestAnnotation] = keepingNow.Format(time.RFC3339)
		}), world: []func(*KeepingWorld){asked("hanako--home", v1alpha1.KeepForever, 0)}, want: StepRemove},
		{name: "asked for one in use", claim: left(), world: []func(*KeepingWorld){there, asked("hanako--home", in(-time.Hour), 0)}, want: StepAnswer},
		{name: "asked while suspended", claim: left(over), world: []func(*KeepingWorld){asked("hanako--home", in(-time.Hour), 0), edited(func(c *v1alpha1.Course) { c.Spec.Suspend = true })}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := KeepingWorld{Namespace: "prog1", Course: course(), Claims: []corev1.PersistentVolumeClaim{test.claim}, Watch: thisWatch, Now: keepingNow}
			for _, edit := range test.world {
				edit(&w)
			}
			d, got := DecideKeeping(w), StepNone
			switch {
			case len(d.Tasks)+len(d.Removals) > 1:
				t.Fatalf("several steps for one claim: %+v", d)
			case len(d.Removals) == 1:
				got = StepRemove
			case len(d.Tasks) == 1:
				got = d.Tasks[0].Step
			}
			if got != test.want {
				t.Errorf("step %d, want %d", got, test.want)
			}
			if test.next != "" && Stamp(d.Next) != test.next {
				t.Errorf("looked at again at %s, want %s", Stamp(d.Next), test.next)
			}
		})
	}
}

// A request for a claim in use changes no date, now or ever.
func TestRequestForAClaimInUse(t *testing.T) {
	w := KeepingWorld{Course: course(), Claims: []corev1.PersistentVolumeClaim{left()}, Carrels: []Carrel{enrolled("hanako", "hanako")}, Now: keepingNow}
	asked("hanako--home", in(-time.Hour), 0)(&w)
	d := DecideKeeping(w)
	if len(d.Tasks) != 1 || d.Tasks[0].Refused == "" {
		t.Errorf("the tasks are %+v, want a refusal", d.Tasks)
	}
}

func TestTheOldestPromiseGoesFirst(t *testing.T) {
	w := KeepingWorld{Course: course(), Watch: thisWatch, Now: keepingNow}
	for i := range 12 {
		w.Claims = append(w.Claims, left(over, func(c *corev1.PersistentVolumeClaim) {
			c.Name, c.Annotations[v1alpha1.UserAnnotation] = fmt.Sprint("c", i), fmt.Sprint("u", i)
			until := in(-time.Duration(i) * time.Hour)
			c.Labels[v1alpha1.KeepUntilLabel], c.Annotations[v1alpha1.AnnouncedAnnotation] = until, until+announcedAt+in(-72*time.Hour)
		}))
	}
	d := DecideKeeping(w)
	labels := make([]string, 0, len(d.Removals))
	for _, claim := range d.Removals {
		labels = append(labels, claim.Labels[v1alpha1.KeepUntilLabel])
	}
	if len(labels) != 12 || !slices.IsSorted(labels) {
		t.Errorf("they go in the order %v", labels)
	}
}

func TestVolumeStatus(t *testing.T) {
	since := course().Status.Volumes.WatchedSince
	at := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: keepingNow.Add(d).UTC()} }
	for _, test := range []struct {
		name   string
		claims []corev1.PersistentVolumeClaim
		world  []func(*KeepingWorld)
		want   *v1alpha1.VolumeStatus
		// reason and words are those of the condition; empty: there is none.
		reason, words string
	}{
		{name: "nothing is kept"},
		{name: "kept for long", claims: []corev1.PersistentVolumeClaim{left(promised(in(10 * 24 * time.Hour)))},
			want: &v1alpha1.VolumeStatus{Kept: 1, Next: at(10 * 24 * time.Hour), WatchedSince: since, Watch: thisWatch}},
		{name: "expiring", claims: []corev1.PersistentVolumeClaim{left(promised(in(6 * 24 * time.Hour)))},
			want:   &v1alpha1.VolumeStatus{Kept: 1, Expiring: 1, Next: at(6 * 24 * time.Hour), WatchedSince: since, Watch: thisWatch},
			reason: v1alpha1.AnnouncedReason, words: "1 volume of people who are not in the course any more: deleted within a week, the first on 2027-01-06 at 12:00 UTC"},
		{name: "overdue, and the rosters have errors", claims: []corev1.PersistentVolumeClaim{left(over)}, world: []func(*KeepingWorld){rosters(metav1.ConditionFalse)},
			want:   &v1alpha1.VolumeStatus{Kept: 1, Expiring: 1, WatchedSince: since, Watch: thisWatch},
			reason: v1alpha1.UnconfirmedReason, words: "past the date, and kept, since the rosters have errors"},
		{name: "suspended", claims: []corev1.PersistentVolumeClaim{left(over)}, world: []func(*KeepingWorld){edited(func(c *v1alpha1.Course) { c.Spec.Suspend = true })},
			want:   &v1alpha1.VolumeStatus{Kept: 1, Expiring: 1},
			reason: v1alpha1.UnconfirmedReason, words: "since the course is suspended"},
		{name: "kept for ever", claims: []corev1.PersistentVolumeClaim{left(promised(v1alpha1.KeepForever))},
			want: &v1alpha1.VolumeStatus{Kept: 1, WatchedSince: since, Watch: thisWatch}},
		{name: "of somebody in the course", claims: []corev1.PersistentVolumeClaim{left(over, func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.VolumeAnnotation] = "data" })},
			world: []func(*KeepingWorld){func(w *KeepingWorld) { w.Carrels = []Carrel{enrolled("hanako", "hanako")} }},
			want:  &v1alpha1.VolumeStatus{Kept: 1, WatchedSince: since, Watch: thisWatch}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := KeepingWorld{Namespace: "prog1", Course: course(), Claims: test.claims, Watch: thisWatch, Now: keepingNow}
			for _, edit := range test.world {
				edit(&w)
			}
			d := DecideKeeping(w)
			if diff := cmp.Diff(test.want, d.Status()); diff != "" {
				t.Errorf("the status (-want +got):\n%s", diff)
			}
			switch c := d.WorkExpiring(); {
			case c == nil && test.reason != "":
				t.Errorf("there is no condition, want reason %s", test.reason)
			case c != nil && (c.Reason != test.reason || !strings.Contains(c.Message, test.words)):
				t.Errorf("the condition is %s %q, want %s with the words %q", c.Reason, c.Message, test.reason, test.words)
			case c != nil && strings.Contains(c.Message, "hanako"):
				t.Errorf("the condition names a person: %q", c.Message)
			}
		})
	}
}
