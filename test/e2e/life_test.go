//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// templates lists the Templates of a course.
const templates = "templates/kustomization.yaml"

// withTemplates is the terminals' Template with a patch.
func (l *lab) withTemplates(patch string) story.Change {
	return l.file(templates, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n"+
		"patches:\n  - target: {kind: Template}\n    patch: |\n"+patch)
}

// wake says that the user was seen, as whoever brings users to carrels does.
func wake(t *testing.T, course, name string) {
	t.Helper()
	if err := story.Arrive(t.Context(), c, course, name, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// stays says again and again that the user is there, until left is called: a carrel
// of a machine however slow does not fall asleep on the way.
func stays(t *testing.T, course, name string) (left func()) {
	t.Helper()
	wake(t, course, name)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * time.Second):
				// What fails is tried again in a moment.
				_ = story.Arrive(ctx, c, course, name, time.Now())
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// podOf names the pod of a carrel.
func podOf(t *testing.T, course, name string) string {
	t.Helper()
	var pods corev1.PodList
	if err := c.List(t.Context(), &pods, client.InNamespace(course), client.MatchingLabels{v1alpha1.UserlandLabel: name}); err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil {
			return pod.Name
		}
	}
	t.Fatalf("%s has no pod", name)
	return ""
}

// A carrel nobody uses is stopped, and starts with the work in it when its user
// comes.
func TestSleepsAndWakesWithItsWork(t *testing.T) {
	t.Parallel()
	l := claim(t)
	const name = "sleeper"
	course := l.name
	student := l.student(name, "")

	l.merge("Let carrels sleep after 20 s, and add a student",
		l.withTemplates("      - {op: add, path: /spec/idle, value: {after: 20s}}\n"), student)
	reach(t, sleeps(course, name))

	left := stays(t, course, name)
	reach(t, story.Ready(c, course, name), story.Answered(c, course, name, name))
	kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "sh", "-c", "echo the work of a week > /home/coder/report.txt")
	left()
	reach(t, sleeps(course, name), noPods(course, name))

	left = stays(t, course, name)
	reach(t, story.Ready(c, course, name))
	if work := kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "cat", "/home/coder/report.txt"); strings.TrimSpace(work) != "the work of a week" {
		t.Errorf("the student finds %q, want the work of a week", work)
	}
	left()
	gone := l.merge("Take it back", original(t, l.path(templates)), story.Change{Path: student.Path})
	reach(t, story.Reported(forge, course, gone, "success"))
}

// A Template edit restarts nobody: the change waits for the next start, and what
// is repaired meanwhile comes back as it was.
func TestTemplateEditRestartsNobody(t *testing.T) {
	t.Parallel()
	l := claim(t)
	course := l.name
	name := runningUserland(t, course)
	before := podOf(t, course, name)

	commit := l.merge("Give the terminals a variable",
		l.withTemplates("      - {op: add, path: /spec/template/spec/containers/0/env, value: [{name: WORD, value: later}]}\n"))
	reach(t, condition(course, name, v1alpha1.UpdatePendingCondition, v1alpha1.OlderRevisionReason),
		story.Reported(forge, course, commit, "success"))
	if now := podOf(t, course, name); now != before {
		t.Errorf("pod %s took the place of %s", now, before)
	}

	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(deployment), deployment); err != nil {
		t.Fatal(err)
	}
	had := deployment.Labels[v1alpha1.RevisionLabel]
	if err := c.Delete(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	reach(t, madeAnew(deployment), story.Ready(c, course, name))
	if has := deployment.Labels[v1alpha1.RevisionLabel]; has != had {
		t.Errorf("the Deployment that was deleted comes back with revision %s, want %s that its carrel had", has, had)
	}

	kubectl(t, "patch", "userland", name, "-n", course, "--subresource=status", "--type=merge",
		"-p", fmt.Sprintf(`{"status":{"requests":{"restartAt":%q}}}`, time.Now().UTC().Format(time.RFC3339)))
	reach(t, upToDate(course, name), prints(course, name, "echo $WORD", "later"))
	back := l.merge("Take it back", original(t, l.path(templates)))
	reach(t, story.Reported(forge, course, back, "success"))
}

// A Template edit that breaks carrels breaks one, if it is rolled out at once.
func TestBrokenRolloutIsHeld(t *testing.T) {
	t.Parallel()
	l := claim(t)
	course := l.name
	const atOnce = "      - {op: add, path: /spec/rollout, value: {when: Immediate}}\n"
	broken := l.merge("Roll edits of the terminals out at once, and make one that fails",
		l.withTemplates(atOnce+"      - {op: replace, path: /spec/template/spec/containers/0/image, value: 'carrel-dev/nowhere:v1'}\n"))
	reach(t, held(course), story.Reported(forge, course, broken, "failure"), oneFails(course))

	mended := l.merge("Mend it", l.withTemplates(atOnce+"      - {op: add, path: /spec/template/spec/containers/0/env, value: [{name: WORD, value: mended}]}\n"))
	reach(t, story.Reported(forge, course, mended, "success"))
	reach(t, allUpdated(course))
	back := l.merge("Take it back", original(t, l.path(templates)))
	reach(t, story.Reported(forge, course, back, "success"))
}

// countsOf are those of the terminals' Template.
func countsOf(ctx context.Context, course string) (v1alpha1.TemplateUserlands, error) {
	template := &v1alpha1.Template{}
	err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: "webterm"}, template)
	if err != nil || template.Status.Userlands == nil {
		return v1alpha1.TemplateUserlands{}, err
	}
	return *template.Status.Userlands, nil
}

// oneFails is reached when one carrel of the terminals fails, and the others are as they
// were.
func oneFails(course string) story.Milestone {
	return story.Milestone{Name: "one fails", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		counts, err := countsOf(ctx, course)
		return fmt.Sprintf("the Template counts %+v", counts), counts.Failed == 1 && counts.Pending == counts.Total-1, err
	}}
}

// held is reached when the Course says that a roll-out is held.
func held(course string) story.Milestone {
	return story.Milestone{Name: "roll-out held", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var found v1alpha1.Course
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
			return "", false, err
		}
		condition := meta.FindStatusCondition(found.Status.Conditions, v1alpha1.RolloutHeldCondition)
		if condition == nil {
			return "not said", false, nil
		}
		return condition.Message, true, nil
	}}
}

// allUpdated is reached when every carrel of the terminals has their present
// revision.
func allUpdated(course string) story.Milestone {
	return story.Milestone{Name: "all updated", Within: story.RolledOutWithin, Reached: func(ctx context.Context) (string, bool, error) {
		counts, err := countsOf(ctx, course)
		return fmt.Sprintf("%+v", counts), counts.Total > 0 && counts.Updated == counts.Total && counts.Failed == 0, err
	}}
}

// sleeps is reached when a carrel is asleep, and Ready all the same.
func sleeps(course, name string) story.Milestone {
	return story.Milestone{Name: name + " asleep", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var u v1alpha1.Userland
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: name}, &u); err != nil {
			return "", false, err
		}
		ready := len(u.Status.Conditions) > 0 && u.Status.Conditions[0].Status == metav1.ConditionTrue
		return u.Status.State, ready && u.Status.State == v1alpha1.StateAsleep, nil
	}}
}

// noPods is reached when a carrel has no pod left.
func noPods(course, name string) story.Milestone {
	return story.Milestone{Name: name + " without pods", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var pods corev1.PodList
		err := c.List(ctx, &pods, client.InNamespace(course), client.MatchingLabels{v1alpha1.UserlandLabel: name})
		return fmt.Sprintf("%d pods", len(pods.Items)), err == nil && len(pods.Items) == 0, err
	}}
}

// madeAnew is reached when there is another object in the place of this one.
func madeAnew(object *appsv1.Deployment) story.Milestone {
	former := object.UID
	return story.Milestone{Name: object.Name + " made anew", Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		return string(object.UID), err == nil && object.UID != former, client.IgnoreNotFound(err)
	}}
}

// prints is reached when a script in a carrel prints a text.
func prints(course, name, script, text string) story.Milestone {
	return story.Milestone{Name: fmt.Sprintf("%q prints %q", script, text), Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		out, err := tryKubectl(ctx, "exec", "-n", course, "deploy/"+name, "--", "sh", "-c", script)
		return fmt.Sprintf("it prints %q", out), strings.TrimSpace(out) == text, err
	}}
}

// upToDate is reached when the carrel runs with the present revision of its
// Template.
func upToDate(course, name string) story.Milestone {
	return story.Milestone{Name: name + " up to date", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var u v1alpha1.Userland
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: name}, &u); err != nil {
			return "", false, err
		}
		if u.Status.Template == nil {
			return "", false, errors.New("its status names no Template")
		}
		var template v1alpha1.Template
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: u.Status.Template.Name}, &template); err != nil {
			return "", false, err
		}
		has := u.Status.Template.Revision
		return has, template.Status.Revision != nil && has == template.Status.Revision.Name, nil
	}}
}
