package userland_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// mounts is the claim that hanako's Deployment mounts.
func mounts(w *classroom.Classroom) string {
	return classroom.Get[appsv1.Deployment](w, "hanako").Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName
}

func TestResetStartsOnFreshVolumes(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Clock.Advance(time.Minute)
	w.Ask("hanako", v1alpha1.Requests{ResetAt: w.NowStamp()})
	w.Until(func() error {
		if now := mounts(w); now == "hanako--home" {
			return errors.New("it still has its old volume")
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	fresh := mounts(w)
	if promised := classroom.PromisedFor(t, w.KeptUntil("hanako--home")); promised != 30*24*time.Hour {
		t.Errorf("the old volume is kept for %v, want 30 days", promised)
	}
	if labels := classroom.Get[corev1.PersistentVolumeClaim](w, fresh).Labels; labels[v1alpha1.KeepUntilLabel] != "" {
		t.Errorf("the fresh volume goes at %s", labels[v1alpha1.KeepUntilLabel])
	}

	// Honoured once: not again after a restart, nor for who comes back.
	w.Later(time.Minute)
	w.Settled()
	if again := mounts(w); again != fresh {
		t.Errorf("another volume %s for one request", again)
	}
	w.Drop("hanako")
	w.KeptUntil(fresh)
	w.Make(classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if again := mounts(w); again != fresh {
		t.Errorf("back, hanako has %s, want her latest volume %s", again, fresh)
	}
}

// A claim with a name of another system's making is its user's by what it says,
// and stays so while somebody takes its labels.
func TestAdoptedVolume(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	const old = "ide-hanako-pvc-home"
	w.Make(classroom.IDE(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:        old,
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"},
			Annotations: map[string]string{v1alpha1.UserAnnotation: "hanako", v1alpha1.VolumeAnnotation: "home", v1alpha1.RetainAnnotation: "12h"},
		},
		Spec: classroom.IDE().Spec.Volumes[0].PVCSpec,
	}, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if claim := mounts(w); claim != old {
		t.Fatalf("hanako has %s, want the volume that was adopted", claim)
	}
	before := classroom.Get[appsv1.Deployment](w, "hanako")
	for _, label := range []string{v1alpha1.UserlandLabel, v1alpha1.ManagedByLabel} {
		classroom.Change(w, old, func(c *corev1.PersistentVolumeClaim) { delete(c.Labels, label) })
		w.Until(func() error {
			if classroom.Get[corev1.PersistentVolumeClaim](w, old).Labels[label] == "" {
				return fmt.Errorf("the label %s is not put back", label)
			}
			return nil
		})
	}
	w.Settled()
	if after := classroom.Get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
		t.Error("the carrel was changed for the labels of its volume")
	}
}

func TestVolumesGrowWhereTheyCan(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	class := &storagev1.StorageClass{ObjectMeta: classroom.ObjectNamed(w.Namespace), Provisioner: "example.com/disk"}
	if err := w.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Delete(t.Context(), class) })
	template := classroom.IDE()
	template.Spec.Volumes[0].PVCSpec.StorageClassName = &class.Name
	w.Make(template, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)

	resize(w, "2Gi")
	says(w, "hanako", "stays at 1Gi", class.Name, "allowVolumeExpansion")
	class.AllowVolumeExpansion = ptr.To(true)
	if err := w.Update(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	w.Until(func() error {
		if size := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != "2Gi" {
			return fmt.Errorf("the claim asks for %s, want 2Gi", &size)
		}
		return nil
	})
	says(w, "hanako", "the carrel answers")

	resize(w, "512Mi")
	says(w, "hanako", "stays at 2Gi", "can't shrink to 512Mi")
	w.Settled()
}

func resize(w *classroom.Classroom, size string) {
	classroom.Change(w, "ide", func(t *v1alpha1.Template) {
		t.Spec.Volumes[0].PVCSpec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: classroom.Quantity(size)}
	})
}

// says waits until a carrel runs and says the words, and no others after a ";"
// when it is told one only.
func says(w *classroom.Classroom, name string, words ...string) {
	w.Helper()
	w.Until(func() error {
		u := w.Reaches(name, v1alpha1.StateRunning, v1alpha1.RunningReason)
		for _, word := range words {
			if !strings.Contains(classroom.Message(u), word) || len(words) == 1 && classroom.Message(u) != word {
				return fmt.Errorf("it says %q, want %q", classroom.Message(u), words)
			}
		}
		return nil
	})
}
