package operator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// mounts is the claim that hanako's Deployment mounts.
func mounts(w *world) string {
	return get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName
}

func TestResetStartsOnFreshVolumes(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.clock.offset.Add(int64(time.Minute))
	w.ask("hanako", v1alpha1.Requests{ResetAt: w.nowStamp()})
	w.until(func() error {
		if now := mounts(w); now == "hanako--home" {
			return errors.New("it still has its old volume")
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	fresh := mounts(w)
	if promised := in(t, w.keptUntil("hanako--home")); promised != 30*24*time.Hour {
		t.Errorf("the old volume is kept for %v, want 30 days", promised)
	}
	if labels := get[corev1.PersistentVolumeClaim](w, fresh).Labels; labels[v1alpha1.KeepUntilLabel] != "" {
		t.Errorf("the fresh volume goes at %s", labels[v1alpha1.KeepUntilLabel])
	}

	// Honoured once: not again after a restart, nor for who comes back.
	w.later(time.Minute)
	w.settled()
	if again := mounts(w); again != fresh {
		t.Errorf("another volume %s for one request", again)
	}
	w.drop("hanako")
	w.keptUntil(fresh)
	w.make(student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if again := mounts(w); again != fresh {
		t.Errorf("back, hanako has %s, want her latest volume %s", again, fresh)
	}
}

// A claim with a name of another system's making is its user's by what it says,
// and stays so while somebody takes its labels.
func TestAdoptedVolume(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	const old = "ide-hanako-pvc-home"
	w.make(ide(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:        old,
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"},
			Annotations: map[string]string{v1alpha1.UserAnnotation: "hanako", v1alpha1.VolumeAnnotation: "home", v1alpha1.RetainAnnotation: "12h"},
		},
		Spec: ide().Spec.Volumes[0].PVCSpec,
	}, student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if claim := mounts(w); claim != old {
		t.Fatalf("hanako has %s, want the volume that was adopted", claim)
	}
	before := get[appsv1.Deployment](w, "hanako")
	for _, label := range []string{v1alpha1.UserlandLabel, v1alpha1.ManagedByLabel} {
		change(w, old, func(c *corev1.PersistentVolumeClaim) { delete(c.Labels, label) })
		w.until(func() error {
			if get[corev1.PersistentVolumeClaim](w, old).Labels[label] == "" {
				return fmt.Errorf("the label %s is not put back", label)
			}
			return nil
		})
	}
	w.settled()
	if after := get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
		t.Error("the carrel was changed for the labels of its volume")
	}
}

// expire makes a claim one whose time was over days ago, and announced.
func (w *world) expire(claim string) {
	w.Helper()
	until, told := time.Now().Add(-time.Hour).UTC().Format(v1alpha1.KeepUntilLayout), time.Now().Add(-72*time.Hour).UTC().Format(v1alpha1.KeepUntilLayout)
	change(w, claim, func(c *corev1.PersistentVolumeClaim) {
		c.Labels[v1alpha1.KeepUntilLabel] = until
		c.Annotations[v1alpha1.AnnouncedAnnotation] = until + " announced " + told
	})
}

// deleted waits until the claim is on its way out. Nobody plays the controller
// that takes its finalizer.
func (w *world) deleted(claim string) error {
	c := &corev1.PersistentVolumeClaim{}
	err := w.Get(w.Context(), w.key(claim), c)
	if err == nil && c.DeletionTimestamp == nil {
		return fmt.Errorf("claim %s is still there: %v %v", claim, c.Labels, c.Annotations)
	}
	return client.IgnoreNotFound(err)
}

func TestVolumeGoesWhenItsTimeIsOver(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"), student("taro"))
	for _, name := range []string{"hanako", "taro"} {
		w.reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
		w.drop(name)
		w.keptUntil(name + "--home")
	}
	// Pods outlive their Deployments here: nobody plays the garbage collector.
	w.expire("hanako--home")
	w.settled()
	if w.deleted("hanako--home") == nil {
		t.Fatal("a volume was deleted that a pod mounts")
	}
	if err := w.DeleteAllOf(t.Context(), &corev1.Pod{}, client.InNamespace(w.namespace), client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	w.later(2 * time.Minute) // so that who was killed in the middle of it has waited
	w.until(func() error { return w.deleted("hanako--home") })

	// A clock that runs months ahead deletes nothing: that of the API server does not.
	w.later(90 * 24 * time.Hour)
	w.until(func() error {
		if get[corev1.PersistentVolumeClaim](w, "taro--home").Annotations[v1alpha1.AnnouncedAnnotation] == "" {
			return errors.New("the deletion is not announced")
		}
		return nil
	})
	w.later(48 * time.Hour)
	w.settled()
	if w.deleted("taro--home") == nil {
		t.Error("a volume was deleted by a clock that runs ahead")
	}
	w.until(func() error { return w.told("VolumeExpiring", "taro") })
}

// told is nil when an event of a reason has the words.
func (w *world) told(reason, words string) error {
	events := &eventsv1.EventList{}
	if err := w.List(w.Context(), events, client.InNamespace(w.namespace)); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Reason == reason && strings.Contains(e.Note, words) {
			return nil
		}
	}
	return fmt.Errorf("no event %s tells of %s", reason, words)
}

func TestVolumesGrowWhereTheyCan(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	class := &storagev1.StorageClass{ObjectMeta: objectNamed(w.namespace), Provisioner: "example.com/disk"}
	if err := w.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Delete(t.Context(), class) })
	template := ide()
	template.Spec.Volumes[0].PVCSpec.StorageClassName = &class.Name
	w.make(template, student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)

	w.resize("2Gi")
	w.says("hanako", "stays at 1Gi", class.Name, "allowVolumeExpansion")
	class.AllowVolumeExpansion = ptr.To(true)
	if err := w.Update(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	w.until(func() error {
		if size := get[corev1.PersistentVolumeClaim](w, "hanako--home").Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != "2Gi" {
			return fmt.Errorf("the claim asks for %s, want 2Gi", &size)
		}
		return nil
	})
	w.says("hanako", "the carrel answers")

	w.resize("512Mi")
	w.says("hanako", "stays at 2Gi", "can't shrink to 512Mi")
	w.settled()
}

func (w *world) resize(size string) {
	change(w, "ide", func(t *v1alpha1.Template) {
		t.Spec.Volumes[0].PVCSpec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: quantity(size)}
	})
}

// says waits until a carrel runs and says the words, and no others after a ";"
// when it is told one only.
func (w *world) says(name string, words ...string) {
	w.Helper()
	w.until(func() error {
		u := w.reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
		for _, word := range words {
			if !strings.Contains(message(u), word) || len(words) == 1 && message(u) != word {
				return fmt.Errorf("it says %q, want %q", message(u), words)
			}
		}
		return nil
	})
}
