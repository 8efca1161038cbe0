package volume_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// expire changes a claim: its time was over an hour ago, and its deletion was announced
// three days ago.
func expire(w *classroom.Classroom, claim string) {
	w.Helper()
	until, told := time.Now().Add(-time.Hour).UTC().Format(v1alpha1.KeepUntilLayout), time.Now().Add(-72*time.Hour).UTC().Format(v1alpha1.KeepUntilLayout)
	classroom.Change(w, claim, func(c *corev1.PersistentVolumeClaim) {
		c.Labels[v1alpha1.KeepUntilLabel] = until
		c.Annotations[v1alpha1.AnnouncedAnnotation] = until + " announced " + told
	})
}

// watched makes the Course record that it has been watched for days.
func watched(w *classroom.Classroom) {
	w.Helper()
	w.Settled()
	classroom.ChangeStatus(w, w.Namespace, func(c *v1alpha1.Course) {
		c.Status.Volumes.WatchedSince = &metav1.Time{Time: time.Now().Add(-100 * time.Hour)}
	})
}

// deleted returns nil once the deletion of a claim has begun. No controller takes the
// finalizer off the claim here.
func deleted(w *classroom.Classroom, claim string) error {
	c := &corev1.PersistentVolumeClaim{}
	err := w.Get(w.Context(), w.Key(claim), c)
	if err == nil && c.DeletionTimestamp == nil {
		return fmt.Errorf("claim %s is still there: %v %v", claim, c.Labels, c.Annotations)
	}
	return client.IgnoreNotFound(err)
}

// class makes a course with students who worked and left.
func class(w *classroom.Classroom, names ...string) {
	w.Helper()
	w.PlayCluster()
	w.Make(classroom.IDE(), w.Course())
	for _, name := range names {
		w.Make(classroom.Student(name))
	}
	for _, name := range names {
		w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
		w.Until(func() error {
			if at := classroom.Get[corev1.PersistentVolumeClaim](w, name+"--home").Annotations[v1alpha1.AttachedAnnotation]; at == v1alpha1.NeverAttached {
				return fmt.Errorf("the first use of %s is not recorded", name)
			}
			return nil
		})
	}
	for _, name := range names {
		w.Drop(name)
	}
	for _, name := range names {
		w.KeptUntil(name + "--home")
	}
}

func TestVolumeGoesWhenItsTimeIsOver(t *testing.T) {
	w := classroom.New(t)
	class(w, "hanako", "taro")
	watched(w)
	// There is no garbage collector here, so pods outlive their Deployments.
	expire(w, "hanako--home")
	w.Settled()
	if deleted(w, "hanako--home") == nil {
		t.Fatal("a volume was deleted that a pod mounts")
	}
	if err := w.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.Namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.Later(2 * time.Minute)
	w.Until(func() error { return deleted(w, "hanako--home") })

	// A controller's clock that is months ahead deletes nothing, since the API server's
	// clock is right.
	w.Later(90 * 24 * time.Hour)
	w.Until(func() error {
		if classroom.Get[corev1.PersistentVolumeClaim](w, "taro--home").Annotations[v1alpha1.AnnouncedAnnotation] == "" {
			return errors.New("the deletion is not announced")
		}
		return nil
	})
	// An event is sent a moment later, and lost if the controllers are killed first.
	w.Until(func() error { return w.Told("VolumeExpiring", "taro") })
	w.Later(48 * time.Hour)
	w.Settled()
	if deleted(w, "taro--home") == nil {
		t.Error("a volume was deleted by a clock that runs ahead")
	}
}

// One commit ends the suspension of a course and puts a student back whose volume is
// overdue.
func TestOverdueVolumeOfAStudentWhoIsBack(t *testing.T) {
	w := classroom.New(t)
	class(w, "hanako")
	watched(w)
	w.Stop()
	if err := w.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.Namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	expire(w, "hanako--home")
	roster := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "class", Labels: map[string]string{v1alpha1.RosterLabel: "true"}}}
	roster.Data = map[string]string{"roster.csv": "user\nHanako\n"}
	w.Make(roster)
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) {
		c.Spec.TemplateName, c.Spec.Rosters = "ide", []v1alpha1.RosterSource{{ConfigMap: "class"}}
	})
	w.Start()
	w.Until(func() error {
		claim := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home")
		if claim.DeletionTimestamp != nil {
			w.Fatal("the volume is deleted though a row has its owner")
		}
		if claim.Labels[v1alpha1.KeepUntilLabel] != "" {
			return errors.New("the promise is not taken back")
		}
		return nil
	})
}

// A request is followed once, and nothing more is written when the course has settled,
// nor after a restart.
func TestRequestsOfACourse(t *testing.T) {
	w := classroom.New(t)
	class(w, "hanako")
	w.Settled()
	ask := func(until string) {
		w.Clock.Advance(time.Second) // requests are told apart by seconds
		classroom.ChangeStatus(w, w.Namespace, func(c *v1alpha1.Course) {
			c.Status.Requests = &v1alpha1.CourseRequests{Volumes: []v1alpha1.VolumeRequest{
				{Claim: "hanako--home", At: metav1.Time{Time: w.Clock.Now()}, KeepUntil: until}, {Claim: "gone", At: metav1.Now(), KeepUntil: until},
			}}
		})
	}
	keeps := func(until string) {
		t.Helper()
		w.Until(func() error {
			if got := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels[v1alpha1.KeepUntilLabel]; got != until {
				return fmt.Errorf("kept until %q, want %q", got, until)
			}
			return nil
		})
	}
	ask(v1alpha1.KeepForever)
	keeps(v1alpha1.KeepForever)
	w.Until(func() error { return w.Told("Requested", v1alpha1.KeepForever) })

	w.Settled()
	w.Stop()
	w.Start()
	w.Settled()
	if writes := w.Requests.Writes(); len(writes) > 0 {
		t.Errorf("with nothing to do, the controllers write: %v", writes)
	}

	ask("20260101T000000Z")
	keeps("20260101T000000Z")
	w.Until(func() error {
		claim := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home")
		if !strings.HasPrefix(claim.Annotations[v1alpha1.AnnouncedAnnotation], "20260101T000000Z announced ") {
			return fmt.Errorf("the deletion is not announced: %v", claim.Annotations)
		}
		return nil
	})
	w.Until(func() error {
		course := classroom.Get[v1alpha1.Course](w, w.Namespace)
		for _, c := range course.Status.Conditions {
			if c.Type == v1alpha1.WorkExpiringCondition && c.Reason == v1alpha1.AnnouncedReason && course.Status.Volumes.Expiring == 1 {
				return nil
			}
		}
		return fmt.Errorf("the Course does not tell: %+v", course.Status)
	})
	w.Settled()
	if deleted(w, "hanako--home") == nil {
		t.Error("the volume was let go without a day's notice")
	}
}
