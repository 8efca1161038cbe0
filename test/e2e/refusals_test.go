//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// triedAgainWithin bounds the time from the end of a refusal to the carrel that runs:
// what a person has to mend is tried again every two minutes.
const triedAgainWithin = 2*time.Minute + story.StartedWithin

// What refuses carrels is said on the carrel, on the commit and behind the page that
// waits, and holds nobody else up. Once it has ended, carrels run without anybody's
// doing.
func TestRefusalsAreSaidAndTriedAgain(t *testing.T) {
	t.Parallel()
	l := claim(t)
	const denied, unheard, stored, crowded = "denied", "unheard", "stored", "crowded"
	l.keepsDiary(denied, unheard, stored, crowded)
	if err := forge.NewUsers(t.Context(), denied); err != nil {
		t.Fatal(err)
	}
	// A year that nobody meant.
	t.Run("typo", func(t *testing.T) {
		l := l.in(t)
		course := original(t, l.path("roster/course.yaml"))
		const sessions = "  timetable: {timeZone: Asia/Tokyo, term: {firstDay: \"2026-10-01\", lastDay: \"2927-02-05\"}, sessions: [{weekdays: [Monday], start: \"10:30\", duration: 90m}]}\n"
		typo := l.merge("Slip in a year", story.Change{Path: course.Path, Content: append(course.Content, sessions...)})
		reach(t, story.Reported(forge, l.name, typo, "failure"), says(l.name, typo, "lastDay"))
		mended := l.merge("Take it back", course)
		reach(t, story.Reported(forge, l.name, mended, "success"))
	})

	students := []story.Change{l.student(denied, ""), l.student(unheard, ""), l.student(stored, "  templateName: stored\n")}
	// A policy, a webhook that is down, and a storage class that is not there.
	t.Run("refusals", func(t *testing.T) {
		l := l.in(t)
		lift := l.refuse(denied, unheard)
		commit := l.merge("Add students whose carrels are refused", slices.Concat(students, l.withStorageClass("fast"))...)
		reach(t,
			stalled(l.name, denied, v1alpha1.ApplyRefusedReason),
			condition(l.name, unheard, v1alpha1.ReadyCondition, v1alpha1.APIServerUnavailableReason),
			inState(l.name, stored, v1alpha1.StateFailing, v1alpha1.VolumePendingReason),
			story.Reported(forge, l.name, commit, "failure"))
		// No other test waits for the gateway with a course in hand: there are courses left
		// for whoever holds the gateway.
		visitGateway(t)
		student := visit(t, denied, gateway.CarrelURL(l.name, denied))
		student.sees("#situation", ".")
		student.picture("waits")
		l.holdsOut(*hold, denied, student)

		lift()
		mended := l.merge("Mend the storage class", l.withStorageClass("")...)
		for _, name := range []string{denied, unheard, stored} {
			ready := story.Ready(c, l.name, name)
			ready.Name, ready.Within = name+" ready", triedAgainWithin
			reach(t, ready)
		}
		reach(t, story.Reported(forge, l.name, mended, "success"))
	})

	joins := l.student(crowded, "")
	t.Run("quota", func(t *testing.T) {
		l := l.in(t)
		quota := &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Namespace: l.name, Name: "tight"},
			Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: *resource.NewQuantity(int64(podsOf(t, l.name)), resource.DecimalSI)}},
		}
		lift := l.create(quota)
		commit := l.merge("Add one more than there is room for", joins)
		reach(t, condition(l.name, crowded, v1alpha1.ReadyCondition, v1alpha1.PodRefusedReason), story.Reported(forge, l.name, commit, "failure"))
		lift()
		ready := story.Ready(c, l.name, crowded)
		ready.Within = triedAgainWithin
		reach(t, ready, story.Reported(forge, l.name, commit, "success"))
	})

	var gone []story.Change
	for _, student := range slices.Concat(students, []story.Change{joins}) {
		gone = append(gone, story.Change{Path: student.Path})
	}
	gone = append(gone, l.without("templates/stored.yaml"), original(t, l.path(templates)))
	back := l.merge("Take it back", gone...)
	reach(t, story.Reported(forge, l.name, back, "success"))
}

// hold is 0 in the suite, which has no time to wait.
var hold = flag.Duration("hold", 0, "how long TestRefusalsAreSaidAndTriedAgain leaves its policy in place, with a log by minute")

// holdsOut logs by minute what is said about a carrel that is refused, and checks that
// it stays said: on the carrel, on the commit, and on the page that its student has
// open.
func (l *lab) holdsOut(long time.Duration, name string, student visitor) {
	l.t.Helper()
	begin := time.Now()
	for minute := time.Duration(0); minute <= long && long > 0; minute += time.Minute {
		select {
		case <-l.t.Context().Done():
			l.t.Fatal(l.t.Context().Err())
		case <-time.After(time.Until(begin.Add(minute))):
		}
		carrel, commit, page := l.carrelSays(l.t.Context(), name), l.commitSays(l.t.Context()), student.read("#situation")
		l.t.Logf("minute %.0f\n  carrel: %s\n  Course: %s\n  commit: %s\n  page:   %s", minute.Minutes(), carrel, l.courseSays(l.t.Context()), commit, page)
		if !strings.HasPrefix(carrel, v1alpha1.StateFailing+", "+v1alpha1.ApplyRefusedReason) || !strings.HasPrefix(commit, "failure: ") || !strings.Contains(page, heldBack) {
			l.t.Errorf("in minute %.0f, the carrel, the commit or the page does not say that the policy refuses", minute.Minutes())
		}
	}
}

// withStorageClass gives the course a second Template of terminals, whose volumes are
// of a storage class; empty: of the cluster's own.
func (l *lab) withStorageClass(class string) []story.Change {
	l.t.Helper()
	text := string(original(l.t, "courses/base/webterm/template.yaml").Content)
	text = strings.Replace(text, "  name: webterm\n", "  name: stored\n", 1)
	if class != "" {
		text = strings.Replace(text, "      pvcSpec:\n", "      pvcSpec:\n        storageClassName: "+class+"\n", 1)
	}
	return []story.Change{
		l.file("templates/stored.yaml", text),
		l.file(templates, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n  - stored.yaml\n"),
	}
}

// heldBack is the answer of the policy.
const heldBack = "no carrels on a holiday"

// refuse has a policy refuse the Deployment of one carrel of the course, and a webhook
// that is down be asked about that of another.
func (l *lab) refuse(denied, unheard string) (lift func()) {
	l.t.Helper()
	deployments := admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}}
	writes := []admissionv1.OperationType{admissionv1.Create, admissionv1.Update}
	here := &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: l.name}}
	name := metav1.ObjectMeta{Name: "refuses-in-" + l.name}
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionv1.RuleWithOperations{Operations: writes, Rule: deployments},
		}}},
		Validations: []admissionv1.Validation{{Expression: fmt.Sprintf("object.metadata.name != %q", denied), Message: heldBack}},
	}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: policy.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		MatchResources: &admissionv1.MatchResources{NamespaceSelector: here},
	}}
	webhook := &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: name, Webhooks: []admissionv1.ValidatingWebhook{{
		Name: "down.carrel.dev", AdmissionReviewVersions: []string{"v1"}, SideEffects: ptr.To(admissionv1.SideEffectClassNone),
		FailurePolicy: ptr.To(admissionv1.Fail), TimeoutSeconds: ptr.To[int32](1),
		ClientConfig:      admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: l.name, Name: "nobody"}},
		NamespaceSelector: here, ObjectSelector: &metav1.LabelSelector{MatchLabels: map[string]string{v1alpha1.UserlandLabel: unheard}},
		Rules: []admissionv1.RuleWithOperations{{Operations: writes, Rule: deployments}},
	}}}
	return l.create(policy, binding, webhook)
}

// create makes objects of the cluster, which are deleted by lift, or when the test
// ends.
func (l *lab) create(objects ...client.Object) (lift func()) {
	l.t.Helper()
	lift = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(l.t.Context()), commandWithin)
		defer cancel()
		for _, object := range objects {
			if err := c.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
				l.t.Error(err)
			}
		}
	}
	l.t.Cleanup(lift)
	for _, object := range objects {
		if err := c.Create(l.t.Context(), object); err != nil {
			l.t.Fatal(err)
		}
	}
	return lift
}

// podsOf counts the pods of the carrels of a course.
func podsOf(t *testing.T, course string) int {
	t.Helper()
	var pods corev1.PodList
	if err := c.List(t.Context(), &pods, client.InNamespace(course), client.HasLabels{v1alpha1.UserlandLabel}); err != nil {
		t.Fatal(err)
	}
	return len(pods.Items)
}

// diaryEvery is the pause between two looks of a diary.
const diaryEvery = 2 * time.Second

// keepsDiary logs what some carrels, their Course and the newest commit say, whenever
// that changes, until the test ends.
func (l *lab) keepsDiary(names ...string) {
	begin, written := time.Now(), map[string]string{}
	ctx, cancel := context.WithCancel(l.t.Context())
	ended := make(chan struct{})
	note := func(of, what string) {
		if what != "" && written[of] != what {
			written[of] = what
			l.t.Logf("%6.0fs  %-8s %s", time.Since(begin).Seconds(), of, what)
		}
	}
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			for _, name := range names {
				note(name, l.carrelSays(ctx, name))
			}
			note("Course", l.courseSays(ctx))
			note("commit", l.commitSays(ctx))
			select {
			case <-ctx.Done():
			case <-time.After(diaryEvery):
			}
		}
	}()
	l.t.Cleanup(func() { cancel(); <-ended })
}

func (l *lab) carrelSays(ctx context.Context, name string) string {
	var u v1alpha1.Userland
	if err := c.Get(ctx, client.ObjectKey{Namespace: l.name, Name: name}, &u); err != nil {
		return ""
	}
	ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil {
		return ""
	}
	return fmt.Sprintf("%s, %s: %s", u.Status.State, ready.Reason, ready.Message)
}

func (l *lab) courseSays(ctx context.Context) string {
	var found v1alpha1.Course
	if err := c.Get(ctx, client.ObjectKey{Namespace: l.name, Name: l.name}, &found); err != nil {
		return ""
	}
	ready := meta.FindStatusCondition(found.Status.Conditions, v1alpha1.ReadyCondition)
	if ready == nil {
		return ""
	}
	return ready.Reason + ": " + ready.Message
}

// commitSays reads from the forge what the commit bears that was reported on last. The
// newest commit may be another test's.
func (l *lab) commitSays(ctx context.Context) string {
	var found v1alpha1.Course
	if err := c.Get(ctx, client.ObjectKey{Namespace: l.name, Name: l.name}, &found); err != nil || found.Status.Report == nil {
		return ""
	}
	statuses, err := forge.CourseStatuses(l.name, found.Status.Report.Revision)
	if err != nil || len(statuses) == 0 {
		return ""
	}
	newest := statuses[len(statuses)-1]
	return newest.State + ": " + newest.Description
}
