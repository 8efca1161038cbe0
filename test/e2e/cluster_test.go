//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// runningUserland names a Userland of the course that runs.
func runningUserland(t *testing.T, course string) string {
	t.Helper()
	var all v1alpha1.UserlandList
	if err := c.List(t.Context(), &all, client.InNamespace(course)); err != nil {
		t.Fatal(err)
	}
	for _, u := range all.Items {
		if u.Status.State == v1alpha1.StateRunning {
			return u.Name
		}
	}
	t.Fatalf("no carrel of %s runs", course)
	return ""
}

// stalled is reached when the Userland is Stalled for the reason.
func stalled(course, name, reason string) story.Milestone {
	return condition(course, name, v1alpha1.StalledCondition, reason)
}

// condition is reached when the Userland has the condition with the reason.
func condition(course, name, kind, reason string) story.Milestone {
	return story.Milestone{Name: name + " " + kind + ": " + reason, Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var u v1alpha1.Userland
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: name}, &u); err != nil {
			return "", false, err
		}
		found := meta.FindStatusCondition(u.Status.Conditions, kind)
		if found == nil {
			return "no condition " + kind + "; state " + u.Status.State, false, nil
		}
		return u.Status.State + ", " + found.Reason + ": " + found.Message, found.Reason == reason, nil
	}}
}

// absent is reached when there is no such object any more.
func absent(object client.Object) story.Milestone {
	what := fmt.Sprintf("%T %s/%s", object, object.GetNamespace(), object.GetName())
	return story.Milestone{Name: what + " gone", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
		if client.IgnoreNotFound(err) != nil {
			return "", false, err
		}
		return what, err != nil, nil
	}}
}

// commandWithin bounds a kubectl command that waits for nothing.
const commandWithin = time.Minute

// kubectl runs kubectl and returns what it prints.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), commandWithin)
	defer cancel()
	out, err := tryKubectl(ctx, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// tryKubectl runs kubectl and returns what it prints.
func tryKubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(programs, "kubectl"), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("kubectl %v: %w\n%s", args, err, stderr.String())
	}
	return stdout.String(), nil
}

// countLines counts the lines that are not empty.
func countLines(text string) int { return len(strings.Fields(text)) }
