package lifecycle

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// A scene is a World under construction.
type scene struct {
	*testing.T
	World
}

// newScene has a student whose Template, with one volume, was accepted yesterday,
// and nothing else.
func newScene(t *testing.T) *scene {
	t.Helper()
	template := &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide", Generation: 1}}
	template.Spec.Service.Ports = []v1alpha1.ServicePort{{Name: "http", Port: 8080}}
	template.Spec.Volumes = []v1alpha1.Volume{{Name: "home", Retain: "30d"}}
	template.Spec.Template.Spec.Containers = []corev1.Container{{Name: "ide", Image: "ide:1"}}
	s := &scene{T: t, World: World{
		Now:       noon,
		Userland:  &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako", UID: "1", Generation: 1}, Spec: v1alpha1.UserlandSpec{TemplateName: "ide"}},
		Course:    &v1alpha1.Course{},
		Template:  template,
		Revisions: map[string]Revision{},
	}}
	s.accept(noon.Add(-24 * time.Hour))
	return s
}

// accept makes the Template as it stands the latest revision.
func (s *scene) accept(at time.Time) {
	s.Helper()
	kept, err := workload.NewRevision(s.Template)
	if err != nil {
		s.Fatal(err)
	}
	s.Revisions[kept.Name] = Revision{ControllerRevision: kept, Blueprint: workload.NewBlueprint(s.Template)}
	s.Template.Status.Revision = &v1alpha1.TemplateRevision{Name: kept.Name, Since: metav1.NewTime(at)}
	s.Template.Status.ObservedGeneration = s.Template.Generation
	s.Template.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.AcceptedReason}}
}

// edit changes the image of the Template, which is not judged yet.
func (s *scene) edit(image string) {
	s.Template.Generation++
	s.Template.Spec.Template.Spec.Containers[0].Image = image
}

// carryOut plays a cluster that takes every write, with a pod that answers, and
// records the status.
func (s *scene) carryOut() Decision {
	s.Helper()
	d := Decide(s.World)
	if d.Obstacle != nil {
		s.Fatal(d.Obstacle)
	}
	for _, used := range d.Objects.Volumes.Used {
		if used.Claim == nil {
			claim := workload.Claim(s.Userland, used.Volume)
			claim.Name, claim.Status.Phase = used.Name, corev1.ClaimBound
			s.Volumes.Claims = append(s.Volumes.Claims, *claim)
		}
	}
	if d.Plan != nil {
		s.apply(*d.Plan)
	}
	d = Conclude(s.World, d, Outcome{Deployment: s.Deployment, Claims: s.Volumes.Claims})
	s.record(d)
	return d
}

// apply makes the Deployment and its pod what the plan says.
func (s *scene) apply(p workload.Plan) {
	replicas := int32(0)
	s.Pods = nil
	if p.Run {
		replicas = 1
		s.Pods = []corev1.Pod{{Spec: corev1.PodSpec{NodeName: "a"}, Status: corev1.PodStatus{
			PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
		}}}
	}
	s.Deployment = &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: p.Userland.Name, Labels: map[string]string{v1alpha1.RevisionLabel: p.Revision}}}
	s.Deployment.Spec.Replicas = &replicas
	for volume, claim := range p.Claims {
		s.Deployment.Spec.Template.Spec.Volumes = append(s.Deployment.Spec.Template.Spec.Volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
		}})
	}
	s.Deployment.Status = appsv1.DeploymentStatus{Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas}
}

// record writes the status as the API server keeps it.
func (s *scene) record(d Decision) {
	activity, requests := s.Userland.Status.LastActivityTime, s.Userland.Status.Requests
	s.Userland.Status = d.Status
	s.Userland.Status.LastActivityTime, s.Userland.Status.Requests = activity, requests
}

// refuse decides, and has the API server refuse the Deployment.
func (s *scene) refuse(err error) Decision {
	s.Helper()
	d := Decide(s.World)
	if d.Objects.Deployment == nil {
		s.Fatalf("no Deployment is to be written: %+v", d)
	}
	d = Conclude(s.World, d, Outcome{Claims: s.Volumes.Claims, Err: fmt.Errorf("create Deployment %q: %w", "hanako", err)})
	s.record(d)
	return d
}

func (s *scene) later(d time.Duration) { s.Now = s.Now.Add(d) }

// reports fails unless the status has the state and the reason.
func (s *scene) reports(d Decision, state, reason string) {
	s.Helper()
	if d.Status.State != state || readyReason(d.Status) != reason {
		s.Errorf("it reports %s, %s; want %s, %s: %+v", d.Status.State, readyReason(d.Status), state, reason, d.Status.Conditions)
	}
}

// says fails unless the message of the Ready condition has the words.
func (s *scene) says(d Decision, words string) {
	s.Helper()
	if ready := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ReadyCondition); ready == nil || !strings.Contains(ready.Message, words) {
		s.Errorf("it does not say %q: %+v", words, ready)
	}
}

var denied = apierrors.NewForbidden(schema.GroupResource{Group: "apps", Resource: "deployments"}, "hanako", errors.New("denied by a policy"))

func TestNewCarrelIsMade(t *testing.T) {
	s := newScene(t)
	d := Decide(s.World)
	s.reports(d, v1alpha1.StateStarting, v1alpha1.StartingReason)
	if d.Plan == nil || !d.Plan.Run || d.Objects.Deployment == nil || d.Objects.Service == nil {
		t.Errorf("it does not get what it needs: %+v", d)
	}
	if diff := cmp.Diff(map[string]string{"home": "hanako--home"}, d.Objects.Volumes.Names()); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
	if d.Queue != QueueHold || !d.Changed(s.World) {
		t.Errorf("queue step %q, changed %t; want a place held, and a log line", d.Queue, d.Changed(s.World))
	}
}

// Deciding changes neither the World nor, when all is done, anything else.
func TestSettledDecidesNothing(t *testing.T) {
	s := newScene(t)
	s.reports(s.carryOut(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	before := s.World
	before.Userland, before.Deployment, before.Template = s.Userland.DeepCopy(), s.Deployment.DeepCopy(), s.Template.DeepCopy()
	d := Decide(s.World)
	if d.Writes(s.World) || d.Changed(s.World) || d.Event != nil || !d.Next.IsZero() {
		t.Errorf("settled, it decides to write: %+v", d)
	}
	if diff := cmp.Diff(before, s.World, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("deciding changed the World (-before +after):\n%s", diff)
	}
}

func TestSuspendedCourseIsLeftAlone(t *testing.T) {
	s := newScene(t)
	s.Course.Spec.Suspend = true
	if d := Decide(s.World); d.Writes(s.World) || d.Plan != nil || d.Queue != QueueNone {
		t.Errorf("suspended, it decides %+v", d)
	}
}

func TestTurn(t *testing.T) {
	s := newScene(t)
	s.Turn = Turn{Bounded: true, Next: noon.Add(time.Minute)}
	d := Decide(s.World)
	s.reports(d, v1alpha1.StateQueued, v1alpha1.QueuedReason)
	if d.Plan.Run || d.Queue != QueueWait || !d.Next.Equal(noon.Add(time.Minute)) || d.Status.LastStartTime != nil {
		t.Errorf("in the queue, it decides %+v", d)
	}
	if diff := cmp.Diff(Ticket{Since: noon}, d.Ticket(s.World)); diff != "" {
		t.Errorf("ticket (-want +got):\n%s", diff)
	}
	s.Turn.Granted = true
	if d := Decide(s.World); !d.Plan.Run || d.Queue != QueueHold {
		t.Errorf("its turn, it decides %+v", d)
	}
}

func TestTemplateOfNoUse(t *testing.T) {
	s := newScene(t)
	s.Template.Status = v1alpha1.TemplateStatus{ObservedGeneration: -1}
	s.Template.CreationTimestamp = metav1.NewTime(noon)
	d := Decide(s.World)
	if d.Writes(s.World) || !d.Next.Equal(noon.Add(pendingGrace)) {
		t.Errorf("a Template that was just made costs a write, or is not waited for: %+v", d)
	}
	s.later(pendingGrace)
	s.reports(Decide(s.World), v1alpha1.StateWaiting, v1alpha1.TemplatePendingReason)

	s = newScene(t)
	s.Template = nil
	s.reports(Decide(s.World), v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason)
	s.Userland.Spec.TemplateName = ""
	s.reports(Decide(s.World), v1alpha1.StateWaiting, v1alpha1.NoTemplateReason)
}

// Until an edit is judged, a carrel goes by the former judgement: it wakes and
// sleeps as before.
func TestEditThatIsNotJudgedFreezesNobody(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Idle = hour
	s.Userland.Status.LastActivityTime = at(0)
	s.carryOut()
	former := s.Template.Status.Revision.Name
	s.edit("ide:2")
	s.later(2 * time.Hour)
	s.reports(s.carryOut(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
	d := s.carryOut()
	s.reports(d, v1alpha1.StateRunning, v1alpha1.RunningReason)
	if d.Plan.Revision != former || d.Status.Template.Generation != 1 {
		t.Errorf("it runs with %s of generation %d, want the former revision %s", d.Plan.Revision, d.Status.Template.Generation, former)
	}
}

func TestVolumeOfAnotherUser(t *testing.T) {
	s := newScene(t)
	claim := workload.Claim(&v1alpha1.Userland{ObjectMeta: s.Userland.ObjectMeta, Spec: v1alpha1.UserlandSpec{User: "taro"}}, s.Template.Spec.Volumes[0])
	s.Volumes = volume.Stock{Strangers: []corev1.PersistentVolumeClaim{*claim}}
	d := Decide(s.World)
	s.reports(d, v1alpha1.StateFailing, v1alpha1.VolumeOfAnotherUserReason)
	if d.Objects.Deployment != nil || d.Obstacle == nil || len(d.Objects.Volumes.Used) > 0 {
		t.Errorf("something is made on another user's volume: %+v", d.Objects)
	}
}

// What was tried and refused is not recorded as done, is said once, and is tried
// again within minutes.
func TestRefusedIsNotStarted(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Idle = hour
	s.Userland.Status.LastActivityTime = at(0)
	d := s.refuse(denied)
	s.reports(d, v1alpha1.StateFailing, v1alpha1.ApplyRefusedReason)
	s.says(d, "denied by a policy")
	if d.Status.LastStartTime != nil || d.Status.Template.Revision != "" {
		t.Errorf("refused, it records a start: %+v", d.Status)
	}
	if d.Event == nil || d.Queue != QueueLeave || !d.Next.Equal(s.Now.Add(health.RetrySlow)) {
		t.Errorf("refused, it decides event %+v, queue step %q, next look %v", d.Event, d.Queue, d.Next)
	}
	s.later(health.RetrySlow)
	if before := s.Userland.DeepCopy(); cmp.Diff(before.Status, s.refuse(denied).Status, cmpopts.IgnoreFields(v1alpha1.UserlandStatus{}, "LastActivityTime")) != "" {
		t.Error("refused once more, it changes the status")
	}
	// Nobody has come since, so it is given up.
	s.later(time.Hour)
	s.reports(s.carryOut(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}

func TestRestartRefusedIsStillAsked(t *testing.T) {
	s := newScene(t)
	started := s.carryOut().Status
	s.later(time.Hour)
	s.Userland.Status.Requests = &v1alpha1.Requests{RestartAt: ptr.To(metav1.NewTime(s.Now))}
	d := s.refuse(denied)
	if d.Status.Handled != nil || !d.Status.LastStartTime.Equal(started.LastStartTime) || d.Status.Template.Revision != started.Template.Revision {
		t.Errorf("the restart was refused, and the status records it: %+v", d.Status)
	}
	if d := s.carryOut(); d.Status.Handled == nil || d.Plan.RestartedAt == nil {
		t.Errorf("taken at last, the restart is not recorded: %+v", d.Status)
	}
}

// What the API server has no time for is retried, and said until then.
func TestUnavailableIsSaid(t *testing.T) {
	s := newScene(t)
	s.carryOut()
	s.later(time.Minute)
	d := s.refuse(apierrors.NewInternalError(errors.New("etcd: no leader")))
	s.reports(d, v1alpha1.StateRunning, v1alpha1.APIServerUnavailableReason)
	s.says(d, "no leader")
	if d.Problem == nil || d.Problem.Cause != health.Unavailable || d.Event != nil {
		t.Errorf("problem %+v, event %+v", d.Problem, d.Event)
	}
	s.reports(s.carryOut(), v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// A carrel that somebody wakes while the API server takes no Deployment is not asleep
// and ready: its student waits, and the page says why.
func TestWakeThatFailsIsSaid(t *testing.T) {
	for _, opened := range []bool{false, true} {
		s := newScene(t)
		s.Template.Spec.Idle = hour
		if opened {
			s.Userland.Status.LastActivityTime = at(0)
			s.carryOut()
		}
		s.later(2 * time.Hour)
		s.reports(s.carryOut(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
		s.later(time.Hour)
		s.Userland.Status.LastActivityTime = ptr.To(metav1.NewTime(s.Now))
		d := s.refuse(apierrors.NewInternalError(errors.New("failed calling webhook: connection refused")))
		s.reports(d, v1alpha1.StateStarting, v1alpha1.APIServerUnavailableReason)
		s.says(d, "failed calling webhook")
		if meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ReadyCondition) {
			t.Errorf("opened before: %t; its start fails, and it is Ready", opened)
		}
	}
}

func TestProbe(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Idle = &v1alpha1.Idle{After: hour.After, Probe: &v1alpha1.IdleProbe{Path: "/api/status"}}
	s.Userland.Status.LastActivityTime = at(0)
	s.carryOut()
	s.later(2 * time.Hour)
	d := Decide(s.World)
	if d.Ask != "http://10.0.0.1:8080/api/status" || !d.Plan.Run || !d.Next.Equal(s.Now.Add(probeAgain)) {
		t.Errorf("not asked yet, it decides to ask %q, run %t, next %v", d.Ask, d.Plan.Run, d.Next)
	}
	s.Probe = Probe{AskedAt: s.Now, Failure: "it answers 500"}
	if d = Decide(s.World); d.Ask != "" || !d.Plan.Run || !d.Next.Equal(s.Now.Add(probeAgain)) {
		t.Errorf("its probe fails, it decides to ask %q, run %t, next %v", d.Ask, d.Plan.Run, d.Next)
	}
	s.says(d, "its idle probe fails: it answers 500")
	s.Probe = Probe{AskedAt: s.Now, LastActivity: s.Now.Add(-time.Minute)}
	if d = Decide(s.World); !d.Plan.Run || !d.Next.Equal(s.Now.Add(59*time.Minute)) {
		t.Errorf("at work a minute ago, it decides to run %t, next %v", d.Plan.Run, d.Next)
	}
	s.Probe.LastActivity = s.Now.Add(-time.Hour)
	s.reports(Decide(s.World), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	// An answer counts for so long.
	s.later(answerCounts)
	if d = Decide(s.World); d.Ask == "" || !d.Plan.Run {
		t.Errorf("its answer is old, it decides to ask %q, run %t", d.Ask, d.Plan.Run)
	}
}

func TestRolloutTakesItsTurn(t *testing.T) {
	s := newScene(t)
	s.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
	former := s.carryOut().Plan.Revision
	s.later(time.Hour)
	s.edit("ide:2")
	s.accept(s.Now)
	d := s.carryOut()
	if pending := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.UpdatePendingCondition); d.Plan.Revision != former || pending == nil || pending.Reason != v1alpha1.RollingOutReason {
		t.Errorf("it has revision %s and says %+v, want the former one, RollingOut", d.Plan.Revision, pending)
	}
	s.Granted = true
	s.later(time.Minute)
	d = s.carryOut()
	if d.Plan.Revision == former || !d.Status.LastStartTime.Time.Equal(s.Now) || meta.FindStatusCondition(d.Status.Conditions, v1alpha1.UpdatePendingCondition) != nil {
		t.Errorf("granted, it has revision %s, started at %v", d.Plan.Revision, d.Status.LastStartTime)
	}
}

// A log line has who it is about by its context, and here why.
func TestBecause(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*scene)
		want   string
	}{
		{"disabled", func(s *scene) { s.Userland.Spec.Enabled = ptr.To(false) }, "enabled=false"},
		{"the term is over", func(s *scene) { s.Session = timetable.Moment{Over: true} }, "termOver=true"},
		{"in session", func(s *scene) { s.Session = timetable.Moment{Since: noon} }, "sessionSince=2026-10-01T12:00:00Z"},
		{"idle", func(s *scene) { s.Template.Spec.Idle = hour }, "idleAfter=1h0m0s"},
		{"asked to stop", func(s *scene) { s.Userland.Status.Requests = &v1alpha1.Requests{StopAt: at(0)} }, "stopAt=2026-10-01T12:00:00Z"},
		{"queued", func(s *scene) { s.Turn.Bounded = true }, "queuedSince=2026-10-01T12:00:00Z"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(t)
			test.change(s)
			if because := fmt.Sprint(Decide(s.World).Because); !strings.Contains(because, test.want) {
				t.Errorf("because %s, want %s among it", because, test.want)
			}
		})
	}
}
