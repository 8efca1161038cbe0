//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
)

// open is the course that lets people in who are not in git.
const open = "sandbox"

// A course that lets in whoever is in a group at the forge: who comes is given a
// carrel, who is not in the group is not; and the same with the course alone on one
// host.
func TestFirstVisitEnrols(t *testing.T) {
	const group, sora, umi, lone = "students", "sora", "umi", "lone"
	if err := forge.NewUsers(t.Context(), sora, umi, lone); err != nil {
		t.Fatal(err)
	}
	if err := forge.NewGroup(t.Context(), group, sora, umi); err != nil {
		t.Fatal(err)
	}
	const course, cluster, domain = "courses/" + open + "/roster/course.yaml", "clusters/local/courses/" + open + "/kustomization.yaml", "--carrel-domain=carrels.localhost:${GATEWAY_PORT}"
	commit := merge(t, "Let students into the sandbox",
		edited(t, course, "  title: Sandbox\n", "  title: Sandbox\n  enrolment: Open\n  enrolmentRules: [{claim: groups, values: ["+group+"]}]\n"),
		edited(t, cluster, "components:\n", "components:\n  - ../../../../kustomize/components/open-enrolment\n"))
	defer func() {
		merge(t, "Take it back", original(t, course), original(t, cluster), original(t, "clusters/local/kustomization.yaml"))
		gateways(t, domain)
		for _, user := range []string{sora, umi} {
			if err := c.Delete(t.Context(), &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: open, Name: roster.UserlandName(user)}}); err != nil {
				t.Error(err)
			}
		}
	}()
	reach(t, story.Reported(forge, open, commit, "success"))

	stranger := visit(t, lone, gateway.DeskURL()+"/courses/"+open)
	stranger.sees("h1", "not yours to open")
	student := visit(t, sora, gateway.DeskURL()+"/courses/"+open)
	student.sees("#screen", ".")
	student.picture("works")
	if there := student.page.MustInfo().URL; !strings.HasPrefix(there, gateway.CarrelURL(open, sora)) {
		t.Errorf("%s works at %s, want %s", sora, there, gateway.CarrelURL(open, sora))
	}

	const alone = "--single-course=" + open
	merge(t, "One course on one host", edited(t, "clusters/local/kustomization.yaml", domain, alone))
	gateways(t, alone)
	student = visit(t, umi, gateway.DeskURL())
	student.sees("#screen", ".")
	student.picture("works-alone")
	if there := student.page.MustInfo().URL; there != gateway.DeskURL()+"/" {
		t.Errorf("%s works at %s, want %s/", umi, there, gateway.DeskURL())
	}
	stranger.page.MustNavigate(gateway.DeskURL())
	stranger.sees("h1", "no carrel in this course")
}

// edited is a file of this repository with some of its text replaced.
func edited(t *testing.T, path, old, replacement string) story.Change {
	t.Helper()
	change := original(t, path)
	if !bytes.Contains(change.Content, []byte(old)) {
		t.Fatalf("%s does not hold %q any more", path, old)
	}
	change.Content = bytes.ReplaceAll(change.Content, []byte(old), []byte(replacement))
	return change
}

// original is a file of this repository as it is.
func original(t *testing.T, path string) story.Change {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(cluster.Root, path))
	if err != nil {
		t.Fatal(err)
	}
	return story.Change{Path: path, Content: text}
}

// gateways waits until those that take visitors run with an argument, of which git has
// the variables not yet replaced, and no others.
func gateways(t *testing.T, argument string) {
	t.Helper()
	argument, _, _ = strings.Cut(argument, "$")
	reach(t, story.Milestone{Name: "gateways with " + argument, Reached: func(ctx context.Context) (string, bool, error) {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace("carrel-system"), client.MatchingLabels{"app.kubernetes.io/name": "carrel-gateway"}); err != nil {
			return "", false, err
		}
		with, without := 0, 0
		for _, pod := range pods.Items {
			isReady := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
				return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
			})
			switch has := slices.ContainsFunc(pod.Spec.Containers[0].Args, func(arg string) bool { return strings.HasPrefix(arg, argument) }); {
			case isReady && has:
				with++
			case isReady:
				without++
			}
		}
		return fmt.Sprintf("%d", with), with >= 2 && without == 0, nil
	}})
}
