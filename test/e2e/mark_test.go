//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// templatesWith is the course's kustomization of Templates with one more file.
const templatesWith = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n  - broken.yaml\n"

// A broken image turns the commit red while everybody still sleeps, since the new revision
// is tried, and the commit that mends it is green.
func TestBrokenImageOfSleepersIsRed(t *testing.T) {
	t.Parallel()
	l := claim(t)
	asleep := strings.Replace(brokenTemplate, "spec:\n", "spec:\n  idle: {after: 1h}\n", 1)
	one, other := l.student("sleeper1", "  templateName: broken\n"), l.student("sleeper2", "  templateName: broken\n")
	commit := l.merge("Add two sleepers, with an image that is nowhere",
		one, other, l.file("templates/broken.yaml", asleep), l.file(templates, templatesWith))
	reach(t, story.Reported(forge, l.name, commit, "failure"), says(l.name, commit, "trial start", "image"))

	mended := l.merge("Name an image that there is", l.file("templates/broken.yaml",
		strings.Replace(asleep, "carrel.invalid/no-such-image:1", "carrel-dev/webterm:v0.1.0", 1)))
	reach(t, story.Reported(forge, l.name, mended, "success"))

	back := l.merge("Take it back", story.Change{Path: one.Path}, story.Change{Path: other.Path},
		l.without("templates/broken.yaml"), original(t, l.path(templates)))
	reach(t, story.Reported(forge, l.name, back, "success"))
}

// foreignEvery and foreignFor say how often and for how long others commit.
const (
	foreignEvery = 5 * time.Second
	foreignFor   = 2 * time.Minute
)

// Commits of others, every five seconds for two minutes, neither post on a commit that is
// pending, nor take its mark over. The test holds the train meanwhile, so that the commits
// of other tests are not overtaken.
func TestForeignCommitsLeaveAPendingMark(t *testing.T) {
	t.Parallel()
	l := claim(t)
	file := l.student("early", "  templateName: not-there-yet\n")
	commit := l.merge("Add a student before their Template", file)
	reach(t, story.Reported(forge, l.name, commit, "pending"), saysLast(l.name, commit, "waiting for a Template that is not there"))

	before, err := forge.CourseStatuses(l.name, commit)
	if err != nil {
		t.Fatal(err)
	}
	commits := l.commitForOthers()
	for _, foreign := range commits {
		if statuses, err := forge.CourseStatuses(l.name, foreign); err != nil || len(statuses) > 0 {
			t.Errorf("a commit that does not touch the course has the statuses %+v (error %v)", statuses, err)
		}
	}
	after, err := forge.CourseStatuses(l.name, commit)
	if err != nil || len(after) != len(before) {
		t.Errorf("%d commits of others brought %d more statuses (error %v): %+v", len(commits), len(after)-len(before), err, after)
	}
	t.Logf("%d commits of others, %d statuses before and %d after", len(commits), len(before), len(after))
	back := l.merge("Take the student back", story.Change{Path: file.Path})
	reach(t, story.Reported(forge, l.name, back, "success"))
}

// saysLast is reached when the newest status of the course on a commit ends with the words:
// no other cause is named after them.
func saysLast(course, commit, words string) story.Milestone {
	m := says(course, commit, words)
	m.Name = fmt.Sprintf("the commit says %q and no more", words)
	within := m.Reached
	m.Reached = func(ctx context.Context) (string, bool, error) {
		said, reached, err := within(ctx)
		return said, reached && strings.HasSuffix(said, words), err
	}
	return m
}

// commitForOthers merges commits that touch no course for as long as foreignFor says, and
// returns them when Flux is at the last one.
func (l *lab) commitForOthers() (commits []string) {
	l.t.Helper()
	begin := time.Now()
	first, leave, err := train.ride(l.t.Context(), l.foreign(0))
	defer leave()
	if err != nil {
		l.t.Fatal(err)
	}
	every := time.NewTicker(foreignEvery)
	defer every.Stop()
	for commits = []string{first}; time.Since(begin) < foreignFor; <-every.C {
		request, err := forge.ProposeCommits(fmt.Sprintf("foreign-%s-%d", l.name, len(commits)), "Change another course", l.foreign(len(commits)))
		if err != nil {
			l.t.Fatal(err)
		}
		foreign, err := forge.Merge(request)
		if err != nil {
			l.t.Fatal(err)
		}
		if err := story.FetchNow(l.t.Context(), c, time.Now()); err != nil {
			l.t.Fatal(err)
		}
		commits = append(commits, foreign)
	}
	last := commits[len(commits)-1]
	reach(l.t, story.AppliedBy(forge, c, l.name, "roster", last), story.AppliedBy(forge, c, l.name, "templates", last))
	return commits
}

// foreign returns a commit that touches no course.
func (l *lab) foreign(i int) story.Commit {
	note := story.Change{Path: fmt.Sprintf("notes/%s-%d.md", l.name, i), Content: []byte("A note.\n")}
	return story.Commit{Title: "Change another course", Changes: []story.Change{note}}
}

// A Kustomization that somebody suspended is said on the last commit and on the Course.
func TestSuspendedKustomizationIsSaid(t *testing.T) {
	t.Parallel()
	l := claim(t)
	file := l.student("newcomer", "")
	commit := l.merge("Add a student", file)
	reach(t, story.Reported(forge, l.name, commit, "success"))
	suspend := func(value bool) {
		kubectl(t, "patch", "kustomization", "roster", "-n", l.name, "--field-manager=flux", "--type=merge", "-p", fmt.Sprintf(`{"spec":{"suspend":%v}}`, value))
	}
	suspend(true)
	reach(t, outOfSync(l.name, v1alpha1.SyncSuspendedReason), says(l.name, commit, "roster is suspended"))
	suspend(false)
	reach(t, outOfSync(l.name, ""))
	back := l.merge("Take the student back", story.Change{Path: file.Path})
	reach(t, story.Reported(forge, l.name, back, "success"))
}

// forgottenWithin bounds the time from a refused deletion to the word that Flux forgot the
// object: Flux tries again, and a minute later the inventory counts.
const forgottenWithin = 2*story.SyncedWithin + time.Minute

// Flux forgets a student whose deletion was refused once: it takes the object out of its
// inventory first. The commit and the Course say so, until somebody deletes it.
func TestRefusedDeletionIsSaid(t *testing.T) {
	t.Parallel()
	l := claim(t)
	const leaver = "leaver"
	file := l.student(leaver, "")
	commit := l.merge("Add a student", file)
	reach(t, story.Reported(forge, l.name, commit, "success"))
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		// The tests that work with this course later would meet it.
		left := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: l.name, Name: leaver}}
		if err := client.IgnoreNotFound(c.Delete(context.WithoutCancel(t.Context()), left)); err != nil {
			t.Logf("delete the student that Flux forgot: %v", err)
		}
	})
	lift := l.refuseDeletion(leaver)
	dropped := l.merge("Drop the student, whose deletion is refused", story.Change{Path: file.Path})
	reach(t, story.Reported(forge, l.name, dropped, "failure"), says(l.name, dropped, "roster: "))
	lift()
	forgotten := outOfSync(l.name, v1alpha1.ForgottenReason)
	forgotten.Within = forgottenWithin
	reach(t, forgotten, says(l.name, dropped, "1 carrel is no longer in git"))
	kubectl(t, "delete", "userland", leaver, "-n", l.name)
	reach(t, outOfSync(l.name, ""), story.Reported(forge, l.name, dropped, "success"))
}

// refuseDeletion has a policy refuse to delete one student of the course.
func (l *lab) refuseDeletion(student string) (lift func()) {
	l.t.Helper()
	name := metav1.ObjectMeta{Name: "keeps-in-" + l.name}
	policy := &admissionv1.ValidatingAdmissionPolicy{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicySpec{
		MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{
			RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Delete},
				Rule:       admissionv1.Rule{APIGroups: []string{v1alpha1.SchemeGroupVersion.Group}, APIVersions: []string{"*"}, Resources: []string{"userlands"}},
			},
		}}},
		Validations: []admissionv1.Validation{{Expression: fmt.Sprintf("oldObject.metadata.name != %q", student), Message: "the class is on an excursion"}},
	}}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{ObjectMeta: name, Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
		PolicyName: policy.Name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
		MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: l.name}}},
	}}
	return l.create(policy, binding)
}

// outOfSync is reached when the Course has the condition for the reason, or has it not if
// the reason is empty.
func outOfSync(course, reason string) story.Milestone {
	return story.Milestone{Name: course + " OutOfSync: " + reason, Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var found v1alpha1.Course
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
			return "", false, err
		}
		condition := meta.FindStatusCondition(found.Status.Conditions, v1alpha1.OutOfSyncCondition)
		if condition == nil {
			return "in sync", reason == "", nil
		}
		return condition.Message, condition.Reason == reason, nil
	}}
}
