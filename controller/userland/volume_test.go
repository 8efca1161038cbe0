package userland_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

func TestVolumeOutlivesItsUserland(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	database := classroom.IDE()
	database.Name = "database"
	database.Spec.Volumes[0].Name = "data"
	database.Spec.Volumes[0].Retain = "12h"
	database.Spec.Template.Spec.Containers[0].VolumeMounts[0].Name = "data"
	w.Make(classroom.IDE(), database, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	first := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if len(first.OwnerReferences) > 0 {
		t.Fatalf("the claim has owners %v and would go with them", first.OwnerReferences)
	}

	w.Drop("hanako")
	until := w.KeptUntil("hanako--home")
	if promised := classroom.PromisedFor(t, until); promised != 30*24*time.Hour {
		t.Errorf("kept for %v, want the 30 days of a Template that says nothing", promised)
	}
	// Labelled once: neither a restart nor an event begins the count anew.
	w.Stop()
	w.Start()
	w.Settled()
	if again := w.KeptUntil("hanako--home"); again != until {
		t.Errorf("the promise moved from %s to %s", until, again)
	}

	// Back, with another Template: what was promised of the volume there is no use
	// for stands, until there is.
	back := classroom.Student("hanako")
	back.Spec.TemplateName = "database"
	w.Make(back)
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Settled()
	if again := w.KeptUntil("hanako--home"); again != until {
		t.Errorf("the promise moved from %s to %s", until, again)
	}
	classroom.Change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.TemplateName = "ide" })
	w.Restart("hanako")
	w.Until(func() error {
		if name := classroom.Get[appsv1.Deployment](w, "hanako").Labels[v1alpha1.TemplateLabel]; name != "ide" {
			return fmt.Errorf("the Deployment follows %s", name)
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	again := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if again.UID != first.UID {
		t.Error("hanako was given another volume than the one with her work")
	}
	if until, kept := again.Labels[v1alpha1.KeepUntilLabel]; kept {
		t.Errorf("hanako uses the volume and it still goes at %s", until)
	}
	if promised := classroom.PromisedFor(t, w.KeptUntil("hanako--data")); promised != 12*time.Hour {
		t.Errorf("the volume there is no use for any more is kept for %v, want the 12h its Template says", promised)
	}
}

func TestVolumeOfAbsentControllerIsKept(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	template := classroom.IDE()
	template.Spec.Volumes[0].Retain = v1alpha1.KeepForever
	w.Make(template, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Stop()
	w.Drop("hanako")
	w.Start()
	if until := w.KeptUntil("hanako--home"); until != v1alpha1.KeepForever {
		t.Errorf("kept until %s, want %s", until, v1alpha1.KeepForever)
	}
}

func TestVolumeOfAnotherUser(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Drop("hanako")
	until := w.KeptUntil("hanako--home")

	stranger := classroom.Student("hanako")
	stranger.Spec.User = "stranger@example.ac.jp"
	w.Make(stranger)
	u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.VolumeOfAnotherUserReason)
	for _, words := range []string{"hanako--home", `"hanako"`, "stranger@example.ac.jp", "metadata.name"} {
		if !strings.Contains(classroom.Message(u), words) {
			t.Errorf("the message does not say %s: %s", words, classroom.Message(u))
		}
	}
	w.Settled()
	claim := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if claim.Labels[v1alpha1.KeepUntilLabel] != until || claim.Annotations[v1alpha1.UserAnnotation] != "hanako" {
		t.Errorf("the other user's volume was touched: %v %v", claim.Labels, claim.Annotations)
	}
	if err := w.Get(t.Context(), w.Key("hanako"), &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
		t.Errorf("a pod is made for a stranger on hanako's volume (error %v)", err)
	}

	w.Drop("hanako")
	w.Make(classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// A carrel refused for one volume makes none of the others: they would be
// recorded as the stranger's, and refuse the rightful user later.
func TestRefusedVolumeMakesNoOther(t *testing.T) {
	w := classroom.New(t)
	template := classroom.IDE()
	template.Spec.Volumes = append([]v1alpha1.Volume{*template.Spec.Volumes[0].DeepCopy()}, template.Spec.Volumes...)
	template.Spec.Volumes[0].Name = "another"
	w.Make(template, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "hanako--home",
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"},
			Annotations: map[string]string{v1alpha1.UserAnnotation: "somebody"},
		},
		Spec: template.Spec.Volumes[0].PVCSpec,
	}, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.VolumeOfAnotherUserReason)
	if err := w.Get(t.Context(), w.Key("hanako--another"), &corev1.PersistentVolumeClaim{}); !apierrors.IsNotFound(err) {
		t.Errorf("a claim was made all the same (error %v)", err)
	}
}

// Without its annotation nobody knows whose work a claim holds.
func TestForeignVolumeIsNotAttached(t *testing.T) {
	for name, labels := range map[string]map[string]string{
		"unseen by the cache": nil,
		"seen by the cache":   {v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"},
	} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			w.Make(classroom.IDE(), &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Name: "hanako--home", Labels: labels},
				Spec:       classroom.IDE().Spec.Volumes[0].PVCSpec,
			}, classroom.Student("hanako"))
			u := w.Reaches("hanako", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
			if !strings.Contains(classroom.Message(u), "hanako--home") {
				t.Errorf("the message does not name the claim: %s", classroom.Message(u))
			}
			if claim := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home"); len(claim.Annotations) > 0 {
				t.Errorf("the foreign claim was annotated: %v", claim.Annotations)
			}
		})
	}
}

// A volume that grew or was labelled by others is not fought over.
func TestVolumeChangedByOthers(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	classroom.Change(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) { delete(c.Labels, v1alpha1.UserlandLabel) })
	classroom.Change(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) {
		c.Labels = map[string]string{"backup": "nightly", v1alpha1.UserlandLabel: "hanako"}
	})
	w.Until(func() error {
		labels := classroom.Get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels
		if labels["backup"] != "nightly" || labels[v1alpha1.ManagedByLabel] == "" {
			return errors.New("the claim has not its own labels and those of others")
		}
		return nil
	})
	w.Settled()
}

// A claim that can't be bound is made again as the Template says now, for as long as it
// never had a volume. One that had is never deleted for an edit.
func TestClaimThatNeverHadAVolumeIsReplaced(t *testing.T) {
	w := classroom.New(t)
	template := classroom.IDE()
	template.Spec.Volumes[0].PVCSpec.StorageClassName = new("fast")
	w.Make(template, classroom.Student("hanako"))
	class := func(name string) {
		classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Volumes[0].PVCSpec.StorageClassName = &name })
	}
	waits := func(name string) {
		t.Helper()
		w.Until(func() error {
			claim := &corev1.PersistentVolumeClaim{}
			if err := w.Get(t.Context(), w.Key("hanako--home"), claim); err != nil {
				return err
			}
			if claim.DeletionTimestamp != nil {
				// The cluster lets a claim go that no pod uses.
				claim.Finalizers = nil
				_ = w.Update(t.Context(), claim)
			}
			if got := *claim.Spec.StorageClassName; got != name {
				return fmt.Errorf("the claim has the class %q, want %q", got, name)
			}
			return nil
		})
	}
	waits("fast")
	class("slow")
	waits("slow")
	w.Settled()

	classroom.ChangeStatus(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) { c.Status.Phase = corev1.ClaimBound })
	class("fast")
	w.Settled()
	waits("slow")
}
