package userland_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// has fails unless exactly these objects exist for a Userland.
func has(w *classroom.Classroom, name string, want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.Children(name)); diff != "" {
		w.Errorf("the objects of %s (-want +got):\n%s", name, diff)
	}
}

// A class of which nobody came costs one status each, and edits of its Template
// another.
func TestUnopenedCarrelHasNoChildren(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), w.Course())
	w.Settled()
	before := len(w.Requests.Writes())
	w.Make(classroom.Class(3)...)
	for _, s := range classroom.Class(3) {
		w.Reaches(s.GetName(), v1alpha1.StateAsleep, v1alpha1.AsleepReason)
		has(w, s.GetName())
	}
	w.Settled()
	statuses := 0
	for _, made := range w.Requests.Writes()[before:] {
		if strings.HasPrefix(made, http.MethodPatch) && strings.Contains(made, "/userlands/") {
			statuses++
		}
	}
	if statuses != 3 {
		t.Errorf("%d writes for three carrels that nobody opened: %v", statuses, w.Requests.Writes()[before:])
	}

	// The first visit makes everything in one look: no request is between the creates.
	before = len(w.Requests.All())
	w.Active("student-01", w.Clock.Now())
	w.Reaches("student-01", v1alpha1.StateRunning, v1alpha1.RunningReason)
	has(w, "student-01", "Deployment student-01", "PersistentVolumeClaim student-01--home", "Service student-01")
	var first []string
	for _, made := range w.Requests.All()[before:] {
		if _, path, _ := strings.Cut(made, " "); strings.Contains(path, "/namespaces/"+w.Namespace+"/") && len(first) < 4 {
			first = append(first, path[strings.LastIndex(path, "/")+1:])
		}
	}
	if diff := cmp.Diff([]string{"persistentvolumeclaims", "deployments", "services", "status"}, first); diff != "" {
		t.Errorf("the requests of the first start (-want +got):\n%s", diff)
	}
	has(w, "student-00")

	// Once made, it stays.
	w.Later(2 * time.Hour)
	w.Reaches("student-01", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	has(w, "student-01", "Deployment student-01", "PersistentVolumeClaim student-01--home", "Service student-01")
}

// A proxy may go by the name or the address of a Service, so it is there before the
// first start.
func TestServiceOfItsOwnIsMadeAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.ServiceSpec)
		want   string
	}{
		"by its name":    {func(s *v1alpha1.ServiceSpec) { s.Name = "ide-$(CARREL_USERLAND)-svc" }, "Service ide-hanako-svc"},
		"by its address": {func(s *v1alpha1.ServiceSpec) { s.Type = v1alpha1.ServiceClusterIP }, "Service hanako"},
	} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			template := classroom.Sleeper()
			test.change(&template.Spec.Service)
			w.Make(template, classroom.Student("hanako"))
			w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
			has(w, "hanako", test.want)
			// It follows its Template before the first start, too.
			classroom.Change(w, "ide", func(t *v1alpha1.Template) {
				t.Spec.Service.Ports[0].Port, t.Spec.Service.Ports[0].TargetPort = 9090, 9090
			})
			w.Until(func() error {
				if classroom.Get[corev1.Service](w, strings.TrimPrefix(test.want, "Service ")).Spec.Ports[0].Port != 9090 {
					return errors.New("the Service has the former port")
				}
				return nil
			})
			w.Settled()
			has(w, "hanako", test.want)
		})
	}
}

// A student who is put back is given the work again, also if they come after the
// time for which it was kept.
func TestVolumeIsKeptForWhoComesLate(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Opened("hanako")
	work := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").UID
	w.Drop("hanako")
	w.KeptUntil("hanako--home")

	w.Make(classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	has(w, "hanako", "PersistentVolumeClaim hanako--home")
	w.Until(func() error {
		if until, kept := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels[v1alpha1.KeepUntilLabel]; kept {
			return fmt.Errorf("hanako is back, and the volume goes on %s", until)
		}
		return nil
	})
	w.Later(100 * 24 * time.Hour)
	w.Settled()
	w.Active("hanako", w.Clock.Now())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if now := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").UID; now != work {
		t.Error("the volume was deleted while its user's carrel was not opened")
	}

	// The whole time counts again from the next removal, 100 days later.
	w.Drop("hanako")
	if promised := classroom.PromisedFor(t, w.KeptUntil("hanako--home")); promised < 130*24*time.Hour {
		t.Errorf("the volume is kept for %s", promised)
	}
}

// Without the field that makes carrels sleep, they are made at once.
func TestCarrelThatNeverSleepsIsMadeAtOnce(t *testing.T) {
	w := classroom.New(t)
	student := classroom.Student("hanako")
	student.Spec.Enabled = new(bool)
	w.Make(classroom.IDE(), student)
	w.Reaches("hanako", v1alpha1.StateDisabled, v1alpha1.DisabledReason)
	has(w, "hanako", "Deployment hanako", "PersistentVolumeClaim hanako--home", "Service hanako")
	classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}} })
	w.Settled()
	has(w, "hanako", "Deployment hanako", "PersistentVolumeClaim hanako--home", "Service hanako")
}
