//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// explainWithin bounds what is read for the log of a failed test.
const explainWithin = time.Minute

// explain logs the state of the course of a failed test, and what the controllers said
// last.
func (l *lab) explain() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.t.Context()), explainWithin)
	defer cancel()
	var text strings.Builder
	for _, part := range []struct {
		title string
		write func(context.Context, *strings.Builder) error
	}{
		{"Flux", l.writeFlux},
		{"the Course", l.writeCourse},
		{"carrels that are neither asleep nor disabled", l.writeUserlands},
		{"pods and volumes", l.writePods},
		{"warnings", l.writeWarnings},
		{"processes", writeProcesses},
	} {
		fmt.Fprintf(&text, "--- %s\n", part.title)
		if err := part.write(ctx, &text); err != nil {
			fmt.Fprintf(&text, "can't be read: %v\n", err)
		}
	}
	l.t.Logf("the course %s when the test failed:\n%s", l.name, text.String())
}

func (l *lab) writeFlux(ctx context.Context, to *strings.Builder) error {
	var sources sourcev1.GitRepositoryList
	if err := c.List(ctx, &sources); err != nil {
		return err
	}
	for _, s := range sources.Items {
		revision := "nothing"
		if s.Status.Artifact != nil {
			revision = s.Status.Artifact.Revision
		}
		fmt.Fprintf(to, "GitRepository %s has fetched %s%s\n", s.Name, revision, conditions(s.Status.Conditions))
	}
	var all kustomizev1.KustomizationList
	if err := c.List(ctx, &all); err != nil {
		return err
	}
	for _, k := range all.Items {
		if k.Namespace == l.name || k.Namespace == "flux-system" {
			fmt.Fprintf(to, "Kustomization %s/%s applied %s, attempted %s%s\n", k.Namespace, k.Name,
				k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision, conditions(k.Status.Conditions))
		}
	}
	return nil
}

func (l *lab) writeCourse(ctx context.Context, to *strings.Builder) error {
	var course v1alpha1.Course
	if err := c.Get(ctx, client.ObjectKey{Namespace: l.name, Name: l.name}, &course); err != nil {
		return err
	}
	text, err := yaml.Marshal(course.Status)
	to.Write(text)
	return err
}

func (l *lab) writeUserlands(ctx context.Context, to *strings.Builder) error {
	var all v1alpha1.UserlandList
	if err := c.List(ctx, &all, client.InNamespace(l.name)); err != nil {
		return err
	}
	for _, u := range all.Items {
		if u.Status.State != v1alpha1.StateAsleep && u.Status.State != v1alpha1.StateDisabled {
			fmt.Fprintf(to, "%s: %s%s\n", u.Name, u.Status.State, conditions(u.Status.Conditions))
		}
	}
	return nil
}

func (l *lab) writePods(ctx context.Context, to *strings.Builder) error {
	var pods corev1.PodList
	if err := c.List(ctx, &pods, client.InNamespace(l.name)); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		fmt.Fprintf(to, "Pod %s: %s\n", pod.Name, pod.Status.Phase)
		for _, s := range pod.Status.ContainerStatuses {
			fmt.Fprintf(to, "  %s: ready %v, %d restarts, %s\n", s.Name, s.Ready, s.RestartCount, stateOf(s.State))
		}
	}
	var claims corev1.PersistentVolumeClaimList
	if err := c.List(ctx, &claims, client.InNamespace(l.name)); err != nil {
		return err
	}
	for _, claim := range claims.Items {
		if claim.Status.Phase != corev1.ClaimBound {
			fmt.Fprintf(to, "PersistentVolumeClaim %s: %s\n", claim.Name, claim.Status.Phase)
		}
	}
	return nil
}

func stateOf(state corev1.ContainerState) string {
	switch {
	case state.Waiting != nil:
		return "waits: " + state.Waiting.Reason + " " + state.Waiting.Message
	case state.Terminated != nil:
		return fmt.Sprintf("ended: %s, exit code %d", state.Terminated.Reason, state.Terminated.ExitCode)
	}
	return "runs"
}

func (l *lab) writeWarnings(ctx context.Context, to *strings.Builder) error {
	var events corev1.EventList
	if err := c.List(ctx, &events, client.InNamespace(l.name)); err != nil {
		return err
	}
	for _, e := range events.Items {
		if e.Type == corev1.EventTypeWarning {
			fmt.Fprintf(to, "%s %s/%s: %s: %s\n", e.LastTimestamp.UTC().Format(time.TimeOnly), e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Reason, e.Message)
		}
	}
	return nil
}

// writeProcesses writes how Carrel's own pods are and the last lines of their logs.
func writeProcesses(ctx context.Context, to *strings.Builder) error {
	const lines = 15
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	pods, err := clients.CoreV1().Pods("carrel-system").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, pod := range pods.Items {
		fmt.Fprintf(to, "Pod %s: %s\n", pod.Name, pod.Status.Phase)
		said, err := clients.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{TailLines: ptr.To[int64](lines)}).DoRaw(ctx)
		if err != nil {
			said = fmt.Append(nil, "its log can't be read: ", err)
		}
		for line := range strings.Lines(string(said)) {
			fmt.Fprintf(to, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return nil
}

// conditions are those that say something, a line each.
func conditions(all []metav1.Condition) string {
	var text strings.Builder
	for _, c := range all {
		fmt.Fprintf(&text, "\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text.String()
}
