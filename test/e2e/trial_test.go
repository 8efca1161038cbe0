//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// failedWithin bounds the way from a merge to the outcome of a trial whose image can't
// be pulled.
const failedWithin = time.Minute + story.SyncedWithin

// A Template with a broken image is found out while everybody sleeps, and so is its
// mend. Nobody's carrel is started for that, and nothing is left of the trials.
func TestTrialsOfSleepers(t *testing.T) {
	t.Parallel()
	l := claim(t)
	const sleeper = "sleeper"
	broken := l.merge("Add a Template whose image does not exist", append(l.withTrial("broken"), l.student(sleeper, "  templateName: tried\n"))...)
	failed := trialOf(l.name, "tried", v1alpha1.TrialFailed, v1alpha1.ImagePullBackOffReason)
	failed.Within = failedWithin
	reach(t, failed)
	t.Logf("the trial of %s failed", broken)
	reach(t, inState(l.name, sleeper, v1alpha1.StateAsleep, v1alpha1.AsleepReason))

	mended := l.merge("Mend the image", l.withTrial("")...)
	reach(t, trialOf(l.name, "tried", v1alpha1.TrialStarted, v1alpha1.TrialStartedReason), noErrands(l.name))
	t.Logf("the trial of %s started", mended)
	reach(t, inState(l.name, sleeper, v1alpha1.StateAsleep, v1alpha1.AsleepReason), noPods(l.name, sleeper))
	var u v1alpha1.Userland
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: l.name, Name: sleeper}, &u); err != nil {
		t.Fatal(err)
	}
	if u.Status.LastStartTime != nil {
		t.Errorf("the sleeper's carrel was started at %s", u.Status.LastStartTime)
	}

	back := l.merge("Take the Template back", l.without("roster/students/"+sleeper+".yaml"), l.without("templates/tried.yaml"), original(t, l.path(templates)))
	reach(t, story.Applied(forge, c, l.name, back))
}

// withTrial adds a Template that idles. Its image has a tag; empty means one that
// exists.
func (l *lab) withTrial(tag string) []story.Change {
	l.t.Helper()
	text := string(original(l.t, "courses/base/webterm/template.yaml").Content)
	text = strings.Replace(text, "  name: webterm\n", "  name: tried\n", 1)
	text = strings.Replace(text, "spec:\n", "spec:\n  idle: {after: 30m}\n", 1)
	if tag != "" {
		text = strings.Replace(text, "carrel-dev/webterm:v0.1.0", "carrel.local/no-such-image:"+tag, 1)
	}
	return []story.Change{
		l.file("templates/tried.yaml", text),
		l.file(templates, "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ../../base/webterm\n  - tried.yaml\n"),
	}
}

// trialOf is reached when the trial of a Template's present revision has an outcome.
func trialOf(course, template, outcome, reason string) story.Milestone {
	return story.Milestone{Name: "trial of " + template + " " + outcome, Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var t v1alpha1.Template
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: template}, &t); err != nil {
			return "", false, client.IgnoreNotFound(err)
		}
		for _, trial := range t.Status.Trials {
			if t.Status.Revision != nil && trial.Revision == t.Status.Revision.Name {
				return trial.Outcome + ", " + trial.Reason + ": " + trial.Message, trial.Outcome == outcome && trial.Reason == reason, nil
			}
		}
		return "no trial of the present revision", false, nil
	}}
}

// noErrands is reached when no Job of an errand is left in a course.
func noErrands(course string) story.Milestone {
	return story.Milestone{Name: "no errands left", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var jobs batchv1.JobList
		err := c.List(ctx, &jobs, client.InNamespace(course), client.HasLabels{v1alpha1.ErrandLabel})
		return fmt.Sprintf("%d Jobs", len(jobs.Items)), err == nil && len(jobs.Items) == 0, err
	}}
}
