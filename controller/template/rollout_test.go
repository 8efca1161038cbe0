package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
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
	"github.com/carrel-dev/carrel/test/classroom"
)

// atOnce is the Template of carrels that are restarted for every edit, two at a
// time.
func atOnce() *v1alpha1.Template {
	t := classroom.IDE()
	t.Spec.Rollout = v1alpha1.Rollout{When: v1alpha1.RolloutImmediate, MaxUnavailable: ptr.To(intstr.FromInt32(2))}
	return t
}

// running makes a class and waits until all of it runs.
func running(w *classroom.Classroom, t *v1alpha1.Template, size int) {
	w.Helper()
	w.PlayCluster()
	w.Make(append(classroom.Class(size), t, w.Course())...)
	for _, s := range classroom.Class(size) {
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
}

// setImage edits the Template.
func setImage(w *classroom.Classroom, image string) {
	w.Helper()
	classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Template.Spec.Containers[0].Image = image })
}

// made are the names of the Deployments made of an image.
func made(w *classroom.Classroom, of string) []string {
	w.Helper()
	deployments := &appsv1.DeploymentList{}
	if err := w.List(w.Context(), deployments, client.InNamespace(w.Namespace)); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range deployments.Items {
		if classroom.Image(&deployments.Items[i]) == of {
			names = append(names, deployments.Items[i].Name)
		}
	}
	return names
}

// counts waits until the Template counts its Userlands so.
func counts(w *classroom.Classroom, want v1alpha1.TemplateUserlands) {
	w.Helper()
	w.Until(func() error {
		t := classroom.Get[v1alpha1.Template](w, "ide")
		if diff := cmp.Diff(&want, t.Status.Userlands); diff != "" {
			return fmt.Errorf("the Template counts otherwise (-want +got):\n%s\nits conditions: %+v", diff, t.Status.Conditions)
		}
		return nil
	})
	classroom.CheckConditions(w.T, classroom.Get[v1alpha1.Template](w, "ide"))
}

func TestImmediateRolloutBeginsWithOne(t *testing.T) {
	w := classroom.New(t)
	running(w, atOnce(), 4)
	for i, s := range classroom.Class(4) {
		// The third has not been used for longest.
		w.Active(s.GetName(), w.Clock.Now().Add(-time.Duration(1+(i+2)%4)*time.Minute))
	}
	w.Paused.Store(true)
	setImage(w, "ide:2")
	counts(w, v1alpha1.TemplateUserlands{Total: 4, Updated: 1, Pending: 3})
	w.Settled()
	if updated := made(w, "ide:2"); !cmp.Equal(updated, []string{"student-01"}) {
		t.Errorf("%v are restarted before one has proved the revision, want the one least recently used", updated)
	}
	if counts := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Userlands; counts.Ready != 0 {
		t.Errorf("the Course counts %+v, want none ready: it is what the commit is told", counts)
	}
	w.Paused.Store(false)
	counts(w, v1alpha1.TemplateUserlands{Total: 4, Updated: 4})
	for _, s := range classroom.Class(4) {
		w.Reaches(s.GetName(), v1alpha1.StateRunning, v1alpha1.RunningReason)
	}
	if updated := made(w, "ide:2"); len(updated) != 4 {
		t.Errorf("only %v have the new image", updated)
	}
}

func TestFailingRolloutIsHeld(t *testing.T) {
	w := classroom.New(t)
	running(w, atOnce(), 4)
	w.Clock.Advance(2 * time.Second) // starts are told from edits by seconds
	setImage(w, classroom.UnknownImage)
	counts(w, v1alpha1.TemplateUserlands{Total: 4, Updated: 1, Pending: 3, Failed: 1})
	w.Until(func() error {
		for what, held := range held(w) {
			if !strings.Contains(held, "ImagePullBackOff") || !strings.Contains(held, "restarted: 3") {
				return fmt.Errorf("the %s says of the roll-out %q, want why it is held and how many go on", what, held)
			}
		}
		return nil
	})
	w.Settled()
	// A restart of the controllers forgets who was told, and holds all the same.
	w.Later(time.Minute)
	w.Settled()
	if updated := made(w, classroom.UnknownImage); len(updated) != 1 {
		t.Fatalf("%v were restarted onto a revision that fails, want one", updated)
	}

	setImage(w, "ide:3")
	counts(w, v1alpha1.TemplateUserlands{Total: 4, Updated: 4})
	w.Until(func() error {
		for what, held := range held(w) {
			if held != "" {
				return fmt.Errorf("the %s still says that it is held: %s", what, held)
			}
		}
		return nil
	})
}

// held returns what Template and Course report about a held roll-out.
func held(w *classroom.Classroom) map[string]string {
	w.Helper()
	said := map[string]string{}
	for what, conditions := range map[string][]metav1.Condition{
		"Template": classroom.Get[v1alpha1.Template](w, "ide").Status.Conditions,
		"Course":   classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Conditions,
	} {
		said[what] = ""
		if held := meta.FindStatusCondition(conditions, v1alpha1.RolloutHeldCondition); held != nil {
			said[what] = held.Message
		}
	}
	return said
}

// A Template that can't be tried, or whose revision can't be kept, says why, and
// carrels go by the last one that was accepted.
func TestTemplateThatCanNotBeJudged(t *testing.T) {
	for name, path := range map[string]string{"tried": "/deployments", "kept": "/controllerrevisions"} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			running(w, classroom.IDE(), 1)
			former := classroom.Get[v1alpha1.Template](w, "ide").Status
			w.Requests.Refusing(func(r *http.Request) *metav1.Status {
				if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, path) {
					return nil
				}
				return &metav1.Status{Code: http.StatusServiceUnavailable, Reason: metav1.StatusReasonServiceUnavailable, Message: "etcd is away"}
			})
			setImage(w, "ide:2")
			w.Until(func() error {
				template := classroom.Get[v1alpha1.Template](w, "ide")
				reconciling := meta.FindStatusCondition(template.Status.Conditions, v1alpha1.ReconcilingCondition)
				if reconciling == nil || !strings.Contains(reconciling.Message, "etcd is away") {
					return fmt.Errorf("the Template does not say why it is not judged: %+v", template.Status.Conditions)
				}
				if template.Status.ObservedGeneration != former.ObservedGeneration || template.Status.Revision.Name != former.Revision.Name {
					return fmt.Errorf("its status is %+v, want the last verdict to stand", template.Status)
				}
				return nil
			})
			w.Requests.Refusing(nil)
			counts(w, v1alpha1.TemplateUserlands{Total: 1, Pending: 1})
		})
	}
}

// A webhook that refused a Template may take it later: no watch reports that.
func TestInvalidTemplateIsTriedAgain(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.Sleeper(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	refuse := func(r *http.Request) *metav1.Status {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/deployments") {
			return nil
		}
		return &metav1.Status{Code: http.StatusBadRequest, Reason: metav1.StatusReasonBadRequest, Message: `admission webhook "images" denied the request: not from here`}
	}
	judged := func(status metav1.ConditionStatus, words string) {
		t.Helper()
		w.Until(func() error {
			template := classroom.Get[v1alpha1.Template](w, "ide")
			ready := meta.FindStatusCondition(template.Status.Conditions, v1alpha1.ReadyCondition)
			if ready == nil || ready.Status != status || !strings.Contains(ready.Message, words) || template.Status.ObservedGeneration != template.Generation {
				return fmt.Errorf("Ready is %+v, want %s and the words %q", ready, status, words)
			}
			return nil
		})
	}
	w.Requests.Refusing(refuse)
	setImage(w, "ide:2")
	judged(metav1.ConditionFalse, "not from here")
	w.Settled()
	w.Requests.Refusing(nil)
	request := func(when string) {
		classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": when} })
		w.Until(func() error {
			if got := classroom.Get[v1alpha1.Template](w, "ide").Status.LastHandledReconcileAt; got != when {
				return fmt.Errorf("the Template says that it handled the request of %q, want %q", got, when)
			}
			return nil
		})
	}
	request("2026-11-23T10:00:00Z")
	judged(metav1.ConditionTrue, "carrels can be made of it")
	// A verdict is judged again on request, also a good one.
	w.Requests.Refusing(refuse)
	request("2026-11-23T10:00:01Z")
	judged(metav1.ConditionFalse, "not from here")
	w.Settled()
	w.Requests.Refusing(nil)
	// The clock goes on, and a student who comes is what the Template is looked at for.
	w.Clock.Advance(6 * time.Minute)
	w.Make(classroom.Student("taro"))
	judged(metav1.ConditionTrue, "carrels can be made of it")
}

// One that failed before the edit, for a reason of its own, holds up nobody.
func TestFormerFailureHoldsNobody(t *testing.T) {
	w := classroom.New(t)
	running(w, atOnce(), 2)
	w.Make(&corev1.Service{ObjectMeta: classroom.ObjectNamed("taro"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, classroom.Student("taro"))
	w.Reaches("taro", v1alpha1.StateFailing, v1alpha1.ForeignObjectReason)
	w.Clock.Advance(2 * time.Second) // starts are told from edits by seconds
	setImage(w, "ide:2")
	counts(w, v1alpha1.TemplateUserlands{Total: 3, Updated: 3, Failed: 1})
	if updated := made(w, "ide:2"); len(updated) != 3 {
		t.Errorf("only %v have the new image", updated)
	}
}

func TestStragglersAreRestartedAfterTheDeadline(t *testing.T) {
	w := classroom.New(t)
	template := classroom.IDE()
	template.Spec.Rollout.Deadline = "2h"
	running(w, template, 2)
	setImage(w, "ide:2")
	counts(w, v1alpha1.TemplateUserlands{Total: 2, Pending: 2})
	w.Later(119 * time.Minute)
	w.Settled()
	if updated := made(w, "ide:2"); len(updated) > 0 {
		t.Fatalf("%v were restarted before the deadline", updated)
	}
	w.Later(2 * time.Minute)
	counts(w, v1alpha1.TemplateUserlands{Total: 2, Updated: 2})
}

// What runs keeps its revision for as long as it runs; then it is cleared away.
func TestRevisionsAreKeptWhileInUse(t *testing.T) {
	w := classroom.New(t)
	running(w, classroom.IDE(), 1)
	former := classroom.Get[appsv1.Deployment](w, "student-00").Labels[v1alpha1.RevisionLabel]
	setImage(w, "ide:2")
	counts(w, v1alpha1.TemplateUserlands{Total: 1, Pending: 1})
	w.Clock.Advance(24 * time.Hour)
	w.Make(classroom.Student("taro"))
	counts(w, v1alpha1.TemplateUserlands{Total: 2, Updated: 1, Pending: 1})
	w.Settled()

	present := classroom.Get[appsv1.Deployment](w, "taro").Labels[v1alpha1.RevisionLabel]
	lost := classroom.Get[appsv1.ControllerRevision](w, present)
	if err := w.Delete(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	w.Until(func() error {
		again := &appsv1.ControllerRevision{}
		if err := w.Get(t.Context(), w.Key(present), again); err != nil || again.UID == lost.UID {
			return fmt.Errorf("the present revision is not made again: %w", err)
		}
		return nil
	})
	classroom.Get[appsv1.ControllerRevision](w, former)

	w.Restart("student-00")
	counts(w, v1alpha1.TemplateUserlands{Total: 2, Updated: 2})
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "student-00"); u.Status.Template.Revision != present {
			return errors.New("it does not run with the present revision yet")
		}
		return nil
	})
	w.Settled()
	classroom.Get[appsv1.ControllerRevision](w, former)
	w.Clock.Advance(2 * time.Minute)
	w.Make(classroom.Student("jiro"))
	w.Until(func() error {
		if err := w.Get(t.Context(), w.Key(former), &appsv1.ControllerRevision{}); err == nil {
			return errors.New("the revision nobody uses is still there")
		}
		return nil
	})
	classroom.Get[appsv1.ControllerRevision](w, present)
}

// Another version of the controller makes another revision of the same Template:
// nobody is restarted for it, not even where edits restart at once.
func TestNewRenderingRestartsNobody(t *testing.T) {
	w := classroom.New(t)
	running(w, atOnce(), 1)
	w.Settled()
	w.Stop()
	present := classroom.Get[v1alpha1.Template](w, "ide").Status.Revision.Name
	renderedFormerly(w, present, "ide-former")

	w.Start()
	w.UpdatePending("student-00")
	counts(w, v1alpha1.TemplateUserlands{Total: 1, Pending: 1})
	w.Settled()
	if now := classroom.Get[v1alpha1.Template](w, "ide").Status.Revision.Name; now != present {
		t.Errorf("carrels that start take %s, want %s as this version makes it", now, present)
	}
	if has := classroom.Get[appsv1.Deployment](w, "student-00").Labels[v1alpha1.RevisionLabel]; has != "ide-former" {
		t.Errorf("the carrel was restarted onto %s", has)
	}
	if counts := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Userlands; counts.Ready != 1 {
		t.Errorf("the Course counts %+v, want the carrel ready: nobody waits for a roll-out", counts)
	}
	// An edit does restart it.
	setImage(w, "ide:2")
	counts(w, v1alpha1.TemplateUserlands{Total: 1, Updated: 1})
}

// renderedFormerly makes the only carrel look as though another version of the
// controller had made it.
func renderedFormerly(w *classroom.Classroom, present, former string) {
	w.Helper()
	kept := classroom.Get[appsv1.ControllerRevision](w, present)
	var blueprint map[string]any
	if err := json.Unmarshal(kept.Data.Raw, &blueprint); err != nil {
		w.Fatal(err)
	}
	blueprint["template"].(map[string]any)["metadata"] = map[string]any{"annotations": map[string]any{"made-by": "another-version"}}
	data, err := json.Marshal(blueprint)
	if err != nil {
		w.Fatal(err)
	}
	old := &appsv1.ControllerRevision{ObjectMeta: classroom.ObjectNamed(former), Revision: kept.Revision}
	old.Labels, old.Annotations, old.Data.Raw = kept.Labels, kept.Annotations, data
	w.Make(old)
	classroom.Change(w, "student-00", func(d *appsv1.Deployment) { d.Labels[v1alpha1.RevisionLabel] = former })
	classroom.ChangeStatus(w, "student-00", func(u *v1alpha1.Userland) { u.Status.Template.Revision = former })
	classroom.ChangeStatus(w, "ide", func(t *v1alpha1.Template) { t.Status.Revision.Name = former })
}
