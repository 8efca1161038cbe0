package operator_test

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
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// drop deletes a Userland and, as the garbage collector would, what it owns.
func (w *world) drop(name string) {
	w.Helper()
	for _, o := range []client.Object{&v1alpha1.Userland{}, &appsv1.Deployment{}, &corev1.Service{}} {
		o.SetNamespace(w.namespace)
		o.SetName(name)
		if err := client.IgnoreNotFound(w.Delete(w.Context(), o)); err != nil {
			w.Fatal(err)
		}
	}
}

// keptUntil waits until a claim says until when it is kept.
func (w *world) keptUntil(claim string) string {
	w.Helper()
	var until string
	w.until(func() error {
		until = get[corev1.PersistentVolumeClaim](w, claim).Labels[v1alpha1.KeepUntilLabel]
		if until == "" {
			return fmt.Errorf("claim %s has no label %s though its Userland is gone", claim, v1alpha1.KeepUntilLabel)
		}
		return nil
	})
	return until
}

// in is how long from now a keep-until label promises.
func in(t *testing.T, until string) time.Duration {
	t.Helper()
	moment, err := time.Parse(v1alpha1.KeepUntilLayout, until)
	if err != nil {
		t.Fatalf("the label is no moment: %v", err)
	}
	return time.Until(moment).Round(time.Hour)
}

func TestVolumeOutlivesItsUserland(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	database := ide()
	database.Name = "database"
	database.Spec.Volumes[0].Name = "data"
	database.Spec.Volumes[0].Retain = "12h"
	database.Spec.Template.Spec.Containers[0].VolumeMounts[0].Name = "data"
	w.make(ide(), database, student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	first := get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if len(first.OwnerReferences) > 0 {
		t.Fatalf("the claim has owners %v and would go with them", first.OwnerReferences)
	}

	w.drop("hanako")
	until := w.keptUntil("hanako--home")
	if promised := in(t, until); promised != 30*24*time.Hour {
		t.Errorf("kept for %v, want the 30 days of a Template that says nothing", promised)
	}
	// Labelled once: neither a restart nor an event begins the count anew.
	w.stop()
	w.start()
	w.settled()
	if again := w.keptUntil("hanako--home"); again != until {
		t.Errorf("the promise moved from %s to %s", until, again)
	}

	// Back, with another Template: what was promised of the volume there is no use
	// for stands, until there is.
	back := student("hanako")
	back.Spec.TemplateName = "database"
	w.make(back)
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.settled()
	if again := w.keptUntil("hanako--home"); again != until {
		t.Errorf("the promise moved from %s to %s", until, again)
	}
	change(w, "hanako", func(u *v1alpha1.Userland) { u.Spec.TemplateName = "ide" })
	w.restart("hanako")
	w.until(func() error {
		if name := get[appsv1.Deployment](w, "hanako").Labels[v1alpha1.TemplateLabel]; name != "ide" {
			return fmt.Errorf("the Deployment follows %s", name)
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	again := get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if again.UID != first.UID {
		t.Error("hanako was given another volume than the one with her work")
	}
	if until, kept := again.Labels[v1alpha1.KeepUntilLabel]; kept {
		t.Errorf("hanako uses the volume and it still goes at %s", until)
	}
	if promised := in(t, w.keptUntil("hanako--data")); promised != 12*time.Hour {
		t.Errorf("the volume there is no use for any more is kept for %v, want the 12h its Template says", promised)
	}
}

func TestVolumeOfAbsentControllerIsKept(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	template := ide()
	template.Spec.Volumes[0].Retain = v1alpha1.KeepForever
	w.make(template, student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.stop()
	w.drop("hanako")
	w.start()
	if until := w.keptUntil("hanako--home"); until != v1alpha1.KeepForever {
		t.Errorf("kept until %s, want %s", until, v1alpha1.KeepForever)
	}
}

func TestVolumeOfAnotherUser(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.drop("hanako")
	until := w.keptUntil("hanako--home")

	stranger := student("hanako")
	stranger.Spec.User = "stranger@example.ac.jp"
	w.make(stranger)
	u := w.reaches("hanako", v1alpha1.StateFailing, v1alpha1.VolumeOfAnotherUserReason)
	for _, words := range []string{"hanako--home", `"hanako"`, "stranger@example.ac.jp", "metadata.name"} {
		if !strings.Contains(message(u), words) {
			t.Errorf("the message does not say %s: %s", words, message(u))
		}
	}
	w.settled()
	claim := get[corev1.PersistentVolumeClaim](w, "hanako--home")
	if claim.Labels[v1alpha1.KeepUntilLabel] != until || claim.Annotations[v1alpha1.UserAnnotation] != "hanako" {
		t.Errorf("the other user's volume was touched: %v %v", claim.Labels, claim.Annotations)
	}
	if err := w.Get(t.Context(), w.key("hanako"), &appsv1.Deployment{}); !apierrors.IsNotFound(err) {
		t.Errorf("a pod is made for a stranger on hanako's volume (error %v)", err)
	}

	w.drop("hanako")
	w.make(student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// A carrel refused for one volume makes none of the others: they would be
// recorded as the stranger's, and refuse the rightful user later.
func TestRefusedVolumeMakesNoOther(t *testing.T) {
	w := newWorld(t)
	template := ide()
	template.Spec.Volumes = append([]v1alpha1.Volume{*template.Spec.Volumes[0].DeepCopy()}, template.Spec.Volumes...)
	template.Spec.Volumes[0].Name = "another"
	w.make(template, &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Name:        "hanako--home",
			Labels:      map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue, v1alpha1.UserlandLabel: "hanako"},
			Annotations: map[string]string{v1alpha1.UserAnnotation: "somebody"},
		},
		Spec: template.Spec.Volumes[0].PVCSpec,
	}, student("hanako"))
	w.reaches("hanako", v1alpha1.StateFailing, v1alpha1.VolumeOfAnotherUserReason)
	if err := w.Get(t.Context(), w.key("hanako--another"), &corev1.PersistentVolumeClaim{}); !apierrors.IsNotFound(err) {
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
			w := newWorld(t)
			w.make(ide(), &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{Name: "hanako--home", Labels: labels},
				Spec:       ide().Spec.Volumes[0].PVCSpec,
			}, student("hanako"))
			u := w.reaches("hanako", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
			if !strings.Contains(message(u), "hanako--home") {
				t.Errorf("the message does not name the claim: %s", message(u))
			}
			if claim := get[corev1.PersistentVolumeClaim](w, "hanako--home"); len(claim.Annotations) > 0 {
				t.Errorf("the foreign claim was annotated: %v", claim.Annotations)
			}
		})
	}
}

// A volume that grew or was labelled by others is not fought over.
func TestVolumeChangedByOthers(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	change(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) { delete(c.Labels, v1alpha1.UserlandLabel) })
	change(w, "hanako--home", func(c *corev1.PersistentVolumeClaim) {
		c.Labels = map[string]string{"backup": "nightly", v1alpha1.UserlandLabel: "hanako"}
	})
	w.until(func() error {
		labels := get[corev1.PersistentVolumeClaim](w, "hanako--home").Labels
		if labels["backup"] != "nightly" || labels[v1alpha1.ManagedByLabel] == "" {
			return errors.New("the claim has not its own labels and those of others")
		}
		return nil
	})
	w.settled()
}
