package operator_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// atOnce is the Template of carrels that are restarted for every edit, two at a
// time.
func atOnce() *v1alpha1.Template {
	t := ide()
	t.Spec.Rollout = v1alpha1.Rollout{When: v1alpha1.RolloutImmediate, MaxUnavailable: ptr.To(intstr.FromInt32(2))}
	return t
}

// running makes a class and waits until all of it runs.
func (w *world) running(t *v1alpha1.Template, size int) {
	w.Helper()
	w.playCluster()
	w.make(append(class(size), t, w.course())...)
	for _, s := range class(size) {
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
}

// setImage edits the Template.
func (w *world) setImage(image string) {
	w.Helper()
	change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Template.Spec.Containers[0].Image = image })
}

// made are the names of the Deployments made of an image.
func (w *world) made(of string) []string {
	w.Helper()
	deployments := &appsv1.DeploymentList{}
	if err := w.List(w.Context(), deployments, client.InNamespace(w.namespace)); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range deployments.Items {
		if image(&deployments.Items[i]) == of {
			names = append(names, deployments.Items[i].Name)
		}
	}
	return names
}

// counts waits until the Template counts its Userlands so.
func (w *world) counts(want v1alpha1.TemplateUserlands) {
	w.Helper()
	w.until(func() error {
		t := get[v1alpha1.Template](w, "ide")
		if diff := cmp.Diff(&want, t.Status.Userlands); diff != "" {
			return fmt.Errorf("the Template counts otherwise (-want +got):\n%s\nits conditions: %+v", diff, t.Status.Conditions)
		}
		return nil
	})
	checkConditions(w.T, get[v1alpha1.Template](w, "ide"))
}

func TestImmediateRolloutBeginsWithOne(t *testing.T) {
	w := newWorld(t)
	w.running(atOnce(), 4)
	for i, s := range class(4) {
		// The third has not been used for longest.
		w.active(s.GetName(), w.clock.Now().Add(-time.Duration(1+(i+2)%4)*time.Minute))
	}
	w.paused.Store(true)
	w.setImage("ide:2")
	w.counts(v1alpha1.TemplateUserlands{Total: 4, Updated: 1, Pending: 3})
	w.settled()
	if updated := w.made("ide:2"); !cmp.Equal(updated, []string{"student-01"}) {
		t.Errorf("%v are restarted before one has proved the revision, want the one least recently used", updated)
	}
	if counts := get[v1alpha1.Course](w, w.namespace).Status.Userlands; counts.Ready != 0 {
		t.Errorf("the Course counts %+v, want none ready: it is what the commit is told", counts)
	}
	w.paused.Store(false)
	w.counts(v1alpha1.TemplateUserlands{Total: 4, Updated: 4})
	for _, s := range class(4) {
		w.reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	if updated := w.made("ide:2"); len(updated) != 4 {
		t.Errorf("only %v have the new image", updated)
	}
}

func TestFailingRolloutIsHeld(t *testing.T) {
	w := newWorld(t)
	w.running(atOnce(), 4)
	w.clock.offset.Add(int64(2 * time.Second)) // starts are told from edits by seconds
	w.setImage(unknownImage)
	w.counts(v1alpha1.TemplateUserlands{Total: 4, Updated: 1, Pending: 3, Failed: 1})
	w.until(func() error {
		for what, held := range w.held() {
			if !strings.Contains(held, "ImagePullBackOff") || !strings.Contains(held, "restarted: 3") {
				return fmt.Errorf("the %s says of the roll-out %q, want why it is held and how many go on", what, held)
			}
		}
		return nil
	})
	w.settled()
	// A restart of the controllers forgets who was told, and holds all the same.
	w.later(time.Minute)
	w.settled()
	if updated := w.made(unknownImage); len(updated) != 1 {
		t.Fatalf("%v were restarted onto a revision that fails, want one", updated)
	}

	w.setImage("ide:3")
	w.counts(v1alpha1.TemplateUserlands{Total: 4, Updated: 4})
	w.until(func() error {
		for what, held := range w.held() {
			if held != "" {
				return fmt.Errorf("the %s still says that it is held: %s", what, held)
			}
		}
		return nil
	})
}

// held is what Template and Course say of a roll-out that is held.
func (w *world) held() map[string]string {
	w.Helper()
	said := map[string]string{}
	for what, conditions := range map[string][]metav1.Condition{
		"Template": get[v1alpha1.Template](w, "ide").Status.Conditions,
		"Course":   get[v1alpha1.Course](w, w.namespace).Status.Conditions,
	} {
		said[what] = ""
		if held := meta.FindStatusCondition(conditions, v1alpha1.RolloutHeldCondition); held != nil {
			said[what] = held.Message
		}
	}
	return said
}

// One that failed before the edit, for a reason of its own, holds up nobody.
func TestFormerFailureHoldsNobody(t *testing.T) {
	w := newWorld(t)
	w.running(atOnce(), 2)
	w.make(&corev1.Service{ObjectMeta: objectNamed("taro"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, student("taro"))
	w.reaches("taro", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
	w.clock.offset.Add(int64(2 * time.Second)) // starts are told from edits by seconds
	w.setImage("ide:2")
	w.counts(v1alpha1.TemplateUserlands{Total: 3, Updated: 3, Failed: 1})
	if updated := w.made("ide:2"); len(updated) != 3 {
		t.Errorf("only %v have the new image", updated)
	}
}

func TestStragglersAreRestartedAfterTheDeadline(t *testing.T) {
	w := newWorld(t)
	template := ide()
	template.Spec.Rollout.Deadline = "2h"
	w.running(template, 2)
	w.setImage("ide:2")
	w.counts(v1alpha1.TemplateUserlands{Total: 2, Pending: 2})
	w.later(119 * time.Minute)
	w.settled()
	if updated := w.made("ide:2"); len(updated) > 0 {
		t.Fatalf("%v were restarted before the deadline", updated)
	}
	w.later(2 * time.Minute)
	w.counts(v1alpha1.TemplateUserlands{Total: 2, Updated: 2})
}

// What runs keeps its revision for as long as it runs; then it is cleared away.
func TestRevisionsAreKeptWhileInUse(t *testing.T) {
	w := newWorld(t)
	w.running(ide(), 1)
	former := get[appsv1.Deployment](w, "student-00").Labels[v1alpha1.RevisionLabel]
	w.setImage("ide:2")
	w.counts(v1alpha1.TemplateUserlands{Total: 1, Pending: 1})
	w.clock.offset.Add(int64(24 * time.Hour))
	w.make(student("taro"))
	w.counts(v1alpha1.TemplateUserlands{Total: 2, Updated: 1, Pending: 1})
	w.settled()

	present := get[appsv1.Deployment](w, "taro").Labels[v1alpha1.RevisionLabel]
	lost := get[appsv1.ControllerRevision](w, present)
	if err := w.Delete(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	w.until(func() error {
		again := &appsv1.ControllerRevision{}
		if err := w.Get(t.Context(), w.key(present), again); err != nil || again.UID == lost.UID {
			return fmt.Errorf("the present revision is not made again: %w", err)
		}
		return nil
	})
	get[appsv1.ControllerRevision](w, former)

	w.restart("student-00")
	w.counts(v1alpha1.TemplateUserlands{Total: 2, Updated: 2})
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "student-00"); u.Status.Template.Revision != present {
			return errors.New("it does not run with the present revision yet")
		}
		return nil
	})
	w.settled()
	get[appsv1.ControllerRevision](w, former)
	w.clock.offset.Add(int64(2 * time.Minute))
	w.make(student("jiro"))
	w.until(func() error {
		if err := w.Get(t.Context(), w.key(former), &appsv1.ControllerRevision{}); err == nil {
			return errors.New("the revision nobody uses is still there")
		}
		return nil
	})
	get[appsv1.ControllerRevision](w, present)
}

// Another version of the controller makes another revision of the same Template:
// nobody is restarted for it, not even where edits restart at once.
func TestNewRenderingRestartsNobody(t *testing.T) {
	w := newWorld(t)
	w.running(atOnce(), 1)
	w.settled()
	w.stop()
	present := get[v1alpha1.Template](w, "ide").Status.Revision.Name
	w.renderedFormerly(present, "ide-former")

	w.start()
	w.updatePending("student-00")
	w.counts(v1alpha1.TemplateUserlands{Total: 1, Pending: 1})
	w.settled()
	if now := get[v1alpha1.Template](w, "ide").Status.Revision.Name; now != present {
		t.Errorf("carrels that start take %s, want %s as this version makes it", now, present)
	}
	if has := get[appsv1.Deployment](w, "student-00").Labels[v1alpha1.RevisionLabel]; has != "ide-former" {
		t.Errorf("the carrel was restarted onto %s", has)
	}
	if counts := get[v1alpha1.Course](w, w.namespace).Status.Userlands; counts.Ready != 1 {
		t.Errorf("the Course counts %+v, want the carrel ready: nobody waits for a roll-out", counts)
	}
	// An edit does restart it.
	w.setImage("ide:2")
	w.counts(v1alpha1.TemplateUserlands{Total: 1, Updated: 1})
}

// renderedFormerly makes the only carrel look as though another version of the
// controller had made it.
func (w *world) renderedFormerly(present, former string) {
	w.Helper()
	kept := get[appsv1.ControllerRevision](w, present)
	var blueprint map[string]any
	if err := json.Unmarshal(kept.Data.Raw, &blueprint); err != nil {
		w.Fatal(err)
	}
	blueprint["template"].(map[string]any)["metadata"] = map[string]any{"annotations": map[string]any{"made-by": "another-version"}}
	data, err := json.Marshal(blueprint)
	if err != nil {
		w.Fatal(err)
	}
	old := &appsv1.ControllerRevision{ObjectMeta: objectNamed(former), Revision: kept.Revision}
	old.Labels, old.Annotations, old.Data.Raw = kept.Labels, kept.Annotations, data
	w.make(old)
	change(w, "student-00", func(d *appsv1.Deployment) { d.Labels[v1alpha1.RevisionLabel] = former })
	changeStatus(w, "student-00", func(u *v1alpha1.Userland) { u.Status.Template.Revision = former })
	changeStatus(w, "ide", func(t *v1alpha1.Template) { t.Status.Revision.Name = former })
}
