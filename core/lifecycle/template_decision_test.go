package lifecycle

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

var (
	templateNoon = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	deployments  = schema.GroupResource{Group: "apps", Resource: "deployments"}
)

// edited returns a Template of generation 2 that was accepted as generation 1.
func edited(t *testing.T) TemplateWorld {
	t.Helper()
	w := TemplateWorld{Template: ideTemplate(), Now: templateNoon}
	w.renew(t)
	former := w.Wanted.DeepCopy()
	former.Name, former.UID = "ide-former", "former"
	w.Revisions = []KeptRevision{{ControllerRevision: former}}
	w.Template.Status = v1alpha1.TemplateStatus{
		ObservedGeneration: 1, Revision: &v1alpha1.TemplateRevision{Name: "ide-former", Since: metav1.NewTime(templateNoon.Add(-time.Hour))},
		Conditions: []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.AcceptedReason, ObservedGeneration: 1}},
	}
	return w
}

func ideTemplate() *v1alpha1.Template {
	return &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide", UID: "uid", Generation: 2},
		Spec: v1alpha1.TemplateSpec{
			Service:  v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "http", Port: 8080}}},
			Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "ide", Image: "ide:2"}}}},
		},
	}
}

// renew makes the revision of the Template as it stands.
func (w *TemplateWorld) renew(t *testing.T) {
	t.Helper()
	wanted, err := workload.NewRevision(w.Template)
	if err != nil {
		t.Fatal(err)
	}
	w.Wanted = wanted
}

// answered returns the world after the API server answered.
func (w TemplateWorld) answered(err error) TemplateWorld {
	w.Trial = w.NewTrial()
	w.Trial.Answer(err, func(f string) string { return f })
	return w
}

func readyCondition(s v1alpha1.TemplateStatus) metav1.Condition {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ReadyCondition); c != nil {
		return *c
	}
	return metav1.Condition{}
}

func TestAcceptedTemplateGetsItsRevision(t *testing.T) {
	w := edited(t)
	if !w.TrialDue() {
		t.Fatal("an edit is not tried on the API server")
	}
	w = w.answered(nil)
	d := DecideTemplate(w)
	status := d.Status()
	if readyCondition(status).Reason != v1alpha1.AcceptedReason || status.ObservedGeneration != 2 || status.Revision.Name != w.Wanted.Name || d.Keep == nil {
		t.Errorf("it is accepted, and the status is %+v; to keep: %v", status, d.Keep)
	}
	if line := fmt.Sprint(d.LogLine()...); !strings.Contains(line, "ide-former") || !strings.Contains(line, w.Wanted.Name) {
		t.Errorf("the log line does not name both revisions: %s", line)
	}

	w.Template.Status, w.Trial = status, nil
	w.Revisions = append(w.Revisions, KeptRevision{ControllerRevision: w.Wanted})
	if w.TrialDue() {
		t.Error("it is accepted, and tried again")
	}
	d = DecideTemplate(w)
	if diff := cmp.Diff(status, d.Status()); diff != "" || d.LogLine() != nil || d.Keep != nil || !d.Next().IsZero() {
		t.Errorf("nothing changed, and it decides otherwise (keep %v, log %v, next %s):\n%s", d.Keep, d.LogLine(), d.Next(), diff)
	}
}

// A verdict is given again after a while: the policy that refused the Template may
// have changed, and no watch reports that.
func TestInvalidTemplateIsTriedAgain(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "x", field.ErrorList{field.Required(field.NewPath("spec", "image"), "")})
	for name, err := range map[string]error{"422": invalid, "400 of a webhook": apierrors.NewBadRequest(`admission webhook "w" denied the request`)} {
		w := edited(t).answered(err)
		d := DecideTemplate(w)
		if ready := readyCondition(d.Status()); ready.Reason != v1alpha1.TemplateInvalidReason || d.Keep != nil {
			t.Errorf("%s: Ready is %+v", name, ready)
		}
		if wait := d.Next().Sub(w.Now); wait <= 0 || wait > 5*time.Minute {
			t.Errorf("%s: it is tried again after %s", name, wait)
		}
		w.Template.Status = d.Status()
		w.Now = w.Now.Add(time.Minute)
		if w.TrialDue() {
			t.Errorf("%s: it is tried again at each event", name)
		}
		w.Now = d.Next()
		if !w.TrialDue() {
			t.Errorf("%s: it is not tried again when that is due", name)
		}
		if ready := readyCondition(DecideTemplate(w.answered(nil)).Status()); ready.Reason != v1alpha1.AcceptedReason {
			t.Errorf("%s: the API server takes it now, and Ready is %+v", name, ready)
		}
	}
}

// While the API server can't be asked, carrels go by the former verdict, and the
// status says why.
func TestUnansweredTrialChangesNothing(t *testing.T) {
	down := apierrors.NewInternalError(errors.New("etcd: no leader"))
	w := edited(t)
	w.Granted = map[string]string{"hanako": "ide-former"}
	w.Userlands = []v1alpha1.Userland{pendingUserland("hanako"), pendingUserland("taro")}
	w.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
	w = w.answered(down)
	d := DecideTemplate(w)
	status := d.Status()
	if ready := readyCondition(status); ready.Status != metav1.ConditionTrue || status.ObservedGeneration != 1 || status.Revision.Name != "ide-former" || d.Keep != nil {
		t.Errorf("the former verdict is lost: %+v", status)
	}
	reconciling := meta.FindStatusCondition(status.Conditions, v1alpha1.ReconcilingCondition)
	if reconciling == nil || !strings.Contains(reconciling.Message, "no leader") || reconciling.Reason != v1alpha1.APIServerUnavailableReason {
		t.Errorf("the status does not say why: %+v", status.Conditions)
	}
	if !slices.Equal(d.Restart, []string{"hanako"}) {
		t.Errorf("%v may restart, want who might before and nobody else", d.Restart)
	}
	if wait := d.Next().Sub(w.Now); wait <= 0 || wait > 2*time.Minute || !d.Failed() {
		t.Errorf("it is tried again after %s", wait)
	}

	fresh := TemplateWorld{Template: ideTemplate(), Now: templateNoon}
	fresh.renew(t)
	fresh.Template.Status.ObservedGeneration = -1
	status = DecideTemplate(fresh.answered(down)).Status()
	if status.ObservedGeneration != -1 || len(status.Conditions) != 1 || status.Conditions[0].Type != v1alpha1.ReconcilingCondition {
		t.Errorf("a new Template that was never judged has the status %+v", status)
	}
}

// pendingUserland runs with an older revision of generation 1.
func pendingUserland(name string) v1alpha1.Userland {
	return v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name},
		Status: v1alpha1.UserlandStatus{
			State: v1alpha1.StateRunning, Template: &v1alpha1.ObservedTemplate{Name: "ide", Generation: 1, Revision: "ide-old"},
			Conditions: []metav1.Condition{{Type: v1alpha1.UpdatePendingCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.RollingOutReason}},
		},
	}
}

// A revision that can't be kept is not given to carrels.
func TestRevisionThatCanNotBeKept(t *testing.T) {
	for name, err := range map[string]error{
		"403": apierrors.NewForbidden(deployments, "x", errors.New("exceeded quota: course")),
		"409": apierrors.NewConflict(deployments, "x", errors.New("modified")),
		"429": apierrors.NewTooManyRequests("too many", 1),
		"500": apierrors.NewInternalError(errors.New("etcd")),
	} {
		w := edited(t).answered(nil)
		d := DecideTemplate(w)
		d.KeepFailed(fmt.Errorf("keep revision %q: %w", w.Wanted.Name, err))
		status := d.Status()
		if status.Revision.Name != "ide-former" || status.ObservedGeneration != 1 || readyCondition(status).Status != metav1.ConditionTrue {
			t.Errorf("%s: the status is %+v", name, status)
		}
		if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ReconcilingCondition); c == nil || !strings.Contains(c.Message, w.Wanted.Name) {
			t.Errorf("%s: the status does not name the revision: %+v", name, status.Conditions)
		}
		if wait := d.Next().Sub(w.Now); wait <= 0 || wait > 2*time.Minute || !d.Failed() {
			t.Errorf("%s: it is tried again after %s", name, wait)
		}
	}
}

func TestUnusedRevisionsGo(t *testing.T) {
	w := edited(t)
	w.Template.Generation = 1
	w.Wanted.Name = "ide-former"
	unused := func(name string, age time.Duration) KeptRevision {
		return KeptRevision{ControllerRevision: &appsv1.ControllerRevision{ObjectMeta: metav1.ObjectMeta{Name: name}}, UnusedSince: w.Now.Add(-age)}
	}
	w.Revisions = append(w.Revisions, unused("ide-1", 2*time.Minute), unused("ide-2", 20*time.Second))
	w.Revisions[0].UnusedSince = w.Now.Add(-time.Hour)
	d := DecideTemplate(w)
	if len(d.Remove) != 1 || d.Remove[0].Name != "ide-1" || d.Next().Sub(w.Now) != 40*time.Second {
		t.Errorf("to be removed: %v, again at %s", d.Remove, d.Next())
	}
	d.RemoveFailed(apierrors.NewInternalError(errors.New("etcd")))
	if ready := readyCondition(d.Status()); ready.Status != metav1.ConditionTrue || !strings.Contains(ready.Message, "etcd") {
		t.Errorf("the status does not say what failed: %+v", ready)
	}
	if gone := DecideTemplate(TemplateWorld{Revisions: w.Revisions, Now: w.Now}); len(gone.Remove) != 2 {
		t.Errorf("of a Template that is gone, %d revisions are removed, want all but the one just left", len(gone.Remove))
	}
}

// What can't be read is in the status as well, and nothing else changes.
func TestUnreadTemplateIsLeftAsItIs(t *testing.T) {
	w := edited(t)
	w.Template.Status.Userlands = &v1alpha1.TemplateUserlands{Total: 2, Updated: 2}
	w.Granted = map[string]string{"hanako": "ide-former"}
	w.Wanted, w.Revisions, w.Unread = nil, nil, apierrors.NewInternalError(errors.New("no cache"))
	d := DecideTemplate(w)
	if c := meta.FindStatusCondition(d.Status().Conditions, v1alpha1.ReconcilingCondition); c == nil || !strings.Contains(c.Message, "no cache") {
		t.Errorf("the status does not say why: %+v", d.Status().Conditions)
	}
	if d.Status().Userlands.Total != 2 || !slices.Equal(d.Restart, []string{"hanako"}) || d.Unavailable() == nil || d.Next().IsZero() {
		t.Errorf("nothing was read, and it decides %+v", d)
	}
}

// Who asks for a reconciliation has the Template judged again, once.
func TestRequestedTemplateIsJudgedAgain(t *testing.T) {
	w := edited(t).answered(nil)
	w.Template.Status = DecideTemplate(w).Status()
	if w.TrialDue() {
		t.Error("accepted, it is tried again")
	}
	w.Template.Annotations = map[string]string{"reconcile.fluxcd.io/requestedAt": "now"}
	if !w.TrialDue() {
		t.Fatal("it was requested, and is not tried again")
	}
	down := DecideTemplate(w.answered(apierrors.NewInternalError(errors.New("etcd")))).Status()
	if down.LastHandledReconcileAt != "" {
		t.Errorf("the API server did not answer, and the request %q is handled", down.LastHandledReconcileAt)
	}
	w = w.answered(apierrors.NewBadRequest(`admission webhook "w" denied the request`))
	refused := DecideTemplate(w).Status()
	if ready := readyCondition(refused); ready.Reason != v1alpha1.TemplateInvalidReason || refused.LastHandledReconcileAt != "now" {
		t.Errorf("refused now, it says %+v and handled %q", ready, refused.LastHandledReconcileAt)
	}
	w = w.answered(nil)
	w.Template.Status = DecideTemplate(w).Status()
	if w.Trial = nil; w.TrialDue() {
		t.Error("the request was handled, and after a restart of the controller it is tried again")
	}
}

// A roll-out leaves those alone who are in a session, and says until when.
func TestTemplateWaitsForSessions(t *testing.T) {
	w := edited(t).answered(nil)
	w.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
	hanako, taro := pendingUserland("hanako"), pendingUserland("taro")
	hanako.Spec.Section = "a"
	hanako.Status.Template.Generation, taro.Status.Template.Generation = 2, 2
	w.Userlands = []v1alpha1.Userland{hanako, taro}
	w.SessionEnds = map[string]time.Time{"a": w.Now.Add(time.Hour)}
	d := DecideTemplate(w)
	if !slices.Equal(d.Restart, []string{"taro"}) || d.Next().After(w.Now.Add(time.Hour)) {
		t.Errorf("%v may restart, and it is looked at again at %v", d.Restart, d.Next())
	}
	if ready := readyCondition(d.Status()); !strings.Contains(ready.Message, moment(w.Now.Add(time.Hour))) {
		t.Errorf("Ready does not say until when: %s", ready.Message)
	}
}

// What another version of the controller makes of a Template restarts nobody, also in
// the moment in which its revision is made.
func TestNewVersionRestartsNobodyAtOnce(t *testing.T) {
	w := edited(t)
	w.Template.Spec.Rollout.When = v1alpha1.RolloutImmediate
	w.Template.Generation = 1
	w.Userlands = []v1alpha1.Userland{pendingUserland("hanako")}
	w.Userlands[0].Status.Template.Revision = "ide-former"
	w = w.answered(nil)
	if d := DecideTemplate(w); d.Keep == nil || len(d.Restart) > 0 {
		t.Errorf("revision %v is made, and %v may restart", d.Keep, d.Restart)
	}
}

// An edit that takes a volume away from the class keeps the former revision until the
// Course confirms it, and asks the API server nothing meanwhile.
func TestVolumesOfAClassAreHeld(t *testing.T) {
	w := TemplateWorld{Template: ideTemplate(), Now: templateNoon, Course: &v1alpha1.Course{}, Class: 4, Userlands: make([]v1alpha1.Userland, 4)}
	w.Template.Spec.Volumes = []v1alpha1.Volume{{Name: "home", PVCSpec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}},
	}}}
	w.renew(t)
	w = w.answered(nil)
	w.Template.Status = DecideTemplate(w).Status()
	former := w.Wanted
	w.Revisions = []KeptRevision{{ControllerRevision: former}}

	w.Template.Spec.Volumes, w.Template.Generation = nil, 3
	w.renew(t)
	w = w.answered(nil)
	d := DecideTemplate(w)
	status := d.Status()
	held := meta.FindStatusCondition(status.Conditions, v1alpha1.RolloutHeldCondition)
	if held == nil || held.Reason != v1alpha1.VolumesHeldReason || !strings.Contains(held.Message, "held: would take volume home from 4 of 4 carrels") {
		t.Fatalf("it is not held: %+v", status.Conditions)
	}
	if status.Revision.Name != former.Name || d.Keep != nil || status.ObservedGeneration != 3 || readyCondition(status).Status != metav1.ConditionTrue {
		t.Errorf("the status is %+v", status)
	}
	w.Template.Status = status
	if w.TrialDue() {
		t.Error("it is tried again at once")
	}
	if diff := cmp.Diff(status, DecideTemplate(w).Status()); diff != "" {
		t.Errorf("nothing changed, and it decides otherwise:\n%s", diff)
	}

	if _, err := fmt.Sscanf(held.Message[strings.LastIndex(held.Message, ": ")+2:], "%q", &w.Course.Spec.Guard.Confirm); err != nil {
		t.Fatal(err)
	}
	status = DecideTemplate(w).Status()
	if status.Revision.Name != w.Wanted.Name || meta.FindStatusCondition(status.Conditions, v1alpha1.RolloutHeldCondition) != nil {
		t.Errorf("it is confirmed, and the status is %+v", status)
	}
}
