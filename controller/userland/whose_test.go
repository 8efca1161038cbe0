package userland_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// mountedBy returns the claim that a Deployment mounts as its first volume.
func mountedBy(w *classroom.Classroom, name string) string {
	w.Helper()
	return classroom.Get[appsv1.Deployment](w, name).Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName
}

// studentCalled returns a student under a name, with a login.
func studentCalled(name, login string) *v1alpha1.Userland {
	u := classroom.Student(name)
	u.Spec.User = login
	return u
}

// Work is found by its user, whatever the Userland is called and however the login is
// spelled, and the claim records who has it.
func TestWorkIsFoundByItsUser(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), studentCalled("l6", "L6@example.ac.jp"))
	w.Reaches("l6", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Until(func() error {
		if at := classroom.Get[corev1.PersistentVolumeClaim](w, "l6--home").Annotations[v1alpha1.AttachedAnnotation]; at == v1alpha1.NeverAttached || at == "" {
			return fmt.Errorf("attached at %q", at)
		}
		return nil
	})
	w.Drop("l6")
	w.Make(studentCalled("l6-ide", "l6@example.ac.jp"))
	w.Reaches("l6-ide", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if claim := mountedBy(w, "l6-ide"); claim != "l6--home" {
		t.Fatalf("under another name, the student is given %s", claim)
	}
	claim := classroom.Get[corev1.PersistentVolumeClaim](w, "l6--home")
	for mark, want := range map[string]string{v1alpha1.UserAnnotation: "l6@example.ac.jp", v1alpha1.ClaimTemplateAnnotation: "ide"} {
		if got := claim.Annotations[mark]; got != want {
			t.Errorf("%s is %q, want %q", mark, got, want)
		}
	}
	if claim.Labels[v1alpha1.UserlandLabel] != "l6-ide" || claim.Labels[v1alpha1.KeepUntilLabel] != "" {
		t.Errorf("the claim in use is labelled %v", claim.Labels)
	}

	// Somebody else under the former name has a claim under a name that is free.
	w.Make(studentCalled("l6", "taro@example.ac.jp"))
	w.Reaches("l6", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if claim := mountedBy(w, "l6"); claim != "l6--home--2" {
		t.Errorf("taro is given %s", claim)
	}
}

// Of two claims with work none is attached before a person decides; that is seen at
// once.
func TestUndecidedVolume(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	restored := func(name string) *corev1.PersistentVolumeClaim {
		return &corev1.PersistentVolumeClaim{
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Labels: map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue},
				Annotations: map[string]string{v1alpha1.UserAnnotation: "hanako", v1alpha1.VolumeAnnotation: "home", v1alpha1.RetainAnnotation: "30d"},
			},
			Spec: classroom.IDE().Spec.Volumes[0].PVCSpec,
		}
	}
	w.Make(classroom.IDE(), restored("monday"), restored("tuesday"), classroom.Student("hanako"))
	u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.VolumeUndecidedReason)
	for _, words := range []string{`"monday" and "tuesday"`, "kubectl annotate pvc -n " + w.Namespace, v1alpha1.RestoredAnnotation} {
		if !strings.Contains(classroom.Message(u), words) {
			t.Errorf("it says %q, want %q in it", classroom.Message(u), words)
		}
	}
	has(w, "hanako")
	classroom.Change(w, "tuesday", func(c *corev1.PersistentVolumeClaim) {
		c.Annotations[v1alpha1.RestoredAnnotation] = "20261001T090000Z"
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if claim := mountedBy(w, "hanako"); claim != "tuesday" {
		t.Errorf("hanako is given %s", claim)
	}

	// A second carrel takes what nobody has, and nothing of the first.
	w.Make(studentCalled("hanako-2", "hanako"))
	w.Reaches("hanako-2", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Settled()
	if first, second := mountedBy(w, "hanako"), mountedBy(w, "hanako-2"); first != "tuesday" || second != "monday" {
		t.Errorf("the carrels are given %s and %s", first, second)
	}
}
