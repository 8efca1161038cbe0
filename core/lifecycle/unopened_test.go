package lifecycle

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// newUnopened has a student whose Template idles, and who never came.
func newUnopened(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Template.Spec.Idle = hour
	return s
}

// made returns the kinds of what a decision makes.
func made(d Decision) (kinds []string) {
	for _, used := range d.Objects.Volumes.Used {
		if used.Claim == nil {
			kinds = append(kinds, "claim")
		}
	}
	if d.Objects.Deployment != nil || d.Objects.Replicas != nil {
		kinds = append(kinds, "Deployment")
	}
	if d.Objects.Service != nil {
		kinds = append(kinds, "Service")
	}
	return kinds
}

var everything = []string{"claim", "Deployment", "Service"}

func TestUnopened(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*scene)
		state  string
		made   []string
	}{
		{"nobody came", func(*scene) {}, v1alpha1.StateAsleep, nil},
		{"disabled", func(s *scene) { s.Userland.Spec.Enabled = ptr.To(false) }, v1alpha1.StateDisabled, nil},
		{"the term is over", func(s *scene) { s.Session = timetable.Moment{Over: true} }, v1alpha1.StateDisabled, nil},
		{"waits for its turn", func(s *scene) {
			s.Userland.Status.LastActivityTime, s.Turn = at(0), Turn{Bounded: true, Next: noon.Add(time.Minute)}
		}, v1alpha1.StateQueued, nil},
		{"asked to stop", func(s *scene) { s.Userland.Status.Requests = &v1alpha1.Requests{StopAt: at(0)} }, v1alpha1.StateAsleep, nil},
		{"the Service has a name of its own", func(s *scene) {
			s.Template.Spec.Service.Name = "ide-$(CARREL_USERLAND)-svc"
			s.accept(noon)
		}, v1alpha1.StateAsleep, []string{"Service"}},
		{"the Service has an address of its own", func(s *scene) {
			s.Template.Spec.Service.Type = v1alpha1.ServiceClusterIP
			s.accept(noon)
		}, v1alpha1.StateAsleep, []string{"Service"}},
		{"the Service had a name of its own", func(s *scene) {
			s.Services = []corev1.Service{{ObjectMeta: metav1.ObjectMeta{Name: "ide-hanako-svc", OwnerReferences: []metav1.OwnerReference{{UID: "1", Controller: ptr.To(true)}}}}}
		}, v1alpha1.StateAsleep, []string{"Service"}},

		{"the user comes", func(s *scene) { s.Userland.Status.LastActivityTime = at(0) }, v1alpha1.StateStarting, everything},
		{"before a session", func(s *scene) { s.Session = timetable.Moment{Since: noon} }, v1alpha1.StateStarting, everything},
		{"asked to restart", func(s *scene) { s.Userland.Status.Requests = &v1alpha1.Requests{RestartAt: at(0)} }, v1alpha1.StateStarting, everything},
		{"asked for fresh volumes", func(s *scene) { s.Userland.Status.Requests = &v1alpha1.Requests{ResetAt: at(0)} }, v1alpha1.StateStarting, everything},
		{"the Template stops nobody", func(s *scene) { s.Template.Spec.Idle = nil }, v1alpha1.StateStarting, everything},
		{"the Template stops nobody, and it is disabled", func(s *scene) {
			s.Template.Spec.Idle, s.Userland.Spec.Enabled = nil, ptr.To(false)
		}, v1alpha1.StateDisabled, everything},
		{"its Deployment was deleted after a start", func(s *scene) { s.Userland.Status.LastStartTime = at(-120) }, v1alpha1.StateAsleep, everything},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newUnopened(t)
			test.change(s)
			d := Decide(s.World)
			if d.Status.State != test.state {
				t.Errorf("it is %s, want %s", d.Status.State, test.state)
			}
			if diff := cmp.Diff(test.made, made(d)); diff != "" {
				t.Errorf("it makes (-want +got):\n%s", diff)
			}
			if d.Status.Address == "" {
				t.Error("the status does not say where the carrel will be reached")
			}
		})
	}
}

// One status is all that a carrel costs that nobody opens, and its edits.
func TestUnopenedCostsOneStatus(t *testing.T) {
	s := newUnopened(t)
	d := s.carryOut()
	s.reports(d, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	s.says(d, "and made then")
	s.later(50 * time.Hour)
	if d := Decide(s.World); d.Writes(s.World) || d.Changed(s.World) || d.Event != nil || !d.Next.IsZero() || made(d) != nil {
		t.Errorf("nobody opened it, and it decides to write: %+v", d)
	}
}

// Who opens a carrel for the first time gets the Template as it was accepted last.
func TestFirstStartTakesTheLatestRevision(t *testing.T) {
	s := newUnopened(t)
	s.carryOut()
	s.edit("ide:3")
	s.accept(s.Now)
	s.carryOut()
	s.Userland.Status.LastActivityTime = at(0)
	if d := s.carryOut(); d.Plan == nil || d.Plan.Revision != LatestRevision(s.Template) {
		t.Errorf("it starts with %+v, want revision %s", d.Plan, LatestRevision(s.Template))
	}
	s.later(2 * time.Hour)
	if d := s.carryOut(); d.Unopened || d.Objects.Deployment == nil || *d.Objects.Deployment.Spec.Replicas != 0 {
		t.Errorf("once made, a carrel that sleeps has a Deployment of no replicas: %+v", d.Objects)
	}
}

// A student who is put back finds the work again at the first start. Until then the
// carrel uses no claim: the reconciler of volumes keeps the student's.
func TestUnopenedUsesNoVolume(t *testing.T) {
	s := newUnopened(t)
	kept := workload.Claim(s.Userland, s.Template.Spec.Volumes[0])
	kept.Labels[v1alpha1.KeepUntilLabel] = "20261101T000000Z"
	s.Volumes = volume.Stock{Claims: []corev1.PersistentVolumeClaim{*kept}}
	d := Decide(s.World)
	if len(d.Objects.Volumes.Used) > 0 {
		t.Errorf("a volume is put in use before the first start: %+v", d.Objects.Volumes)
	}
	s.reports(d, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	started := *s
	started.Userland = s.Userland.DeepCopy()
	started.Userland.Status.LastActivityTime = at(0)
	d = Decide(started.World)
	if diff := cmp.Diff(map[string]string{"home": kept.Name}, d.Objects.Volumes.Names()); diff != "" {
		t.Errorf("at its first start it has (-want +got):\n%s", diff)
	}

	// A request for fresh volumes waits for the first start.
	s.Userland.Spec.Enabled = ptr.To(false)
	s.Userland.Status.Requests = &v1alpha1.Requests{ResetAt: at(0)}
	d = s.carryOut()
	if d.Status.Handled != nil && d.Status.Handled.ResetAt != nil || len(d.Objects.Volumes.Used) > 0 {
		t.Errorf("fresh volumes are recorded, or a volume is used, before a start: %+v", d)
	}
	s.Userland.Spec.Enabled = nil
	d = Decide(s.World)
	if diff := cmp.Diff(map[string]string{"home": "hanako--home--20261001t120000z"}, d.Objects.Volumes.Names()); diff != "" {
		t.Errorf("at its first start it has (-want +got):\n%s", diff)
	}
	if d.Status.Handled == nil || !d.Status.Handled.ResetAt.Equal(at(0)) {
		t.Errorf("started with fresh volumes, it records %+v", d.Status.Handled)
	}
}

// A carrel whose first start is refused is not made later without a reason.
func TestFirstStartRefused(t *testing.T) {
	s := newUnopened(t)
	s.Userland.Status.LastActivityTime = at(0)
	s.reports(s.refuse(denied), v1alpha1.StateFailing, v1alpha1.ApplyRefusedReason)
	s.later(2 * time.Hour)
	d := s.carryOut()
	s.reports(d, v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if d.Objects.Deployment != nil || s.Deployment != (*appsv1.Deployment)(nil) {
		t.Errorf("nobody waits for it, and it is made: %+v", d.Objects)
	}
}
