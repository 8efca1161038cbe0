//go:build e2e

package e2e

import (
	"context"
	"fmt"
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

// A course that lets in whoever is in a group at the forge: who comes is given a
// carrel, who is not in the group is not; and the same with the course alone on one
// host.
func TestFirstVisitEnrols(t *testing.T) {
	t.Parallel()
	changeGateway(t)
	l := claim(t)
	const group, sora, umi, lone = "students", "sora", "umi", "lone"
	t.Cleanup(func() { dismiss(t, l.name, sora, umi) })
	if err := forge.NewUsers(t.Context(), sora, umi, lone); err != nil {
		t.Fatal(err)
	}
	if err := forge.NewGroup(t.Context(), group, sora, umi); err != nil {
		t.Fatal(err)
	}
	const domain, local = "--carrel-domain=carrels.localhost:${GATEWAY_PORT}", "clusters/local/kustomization.yaml"
	open, course, cluster := l.name, l.path("roster/course.yaml"), "clusters/local/courses/"+l.name+"/kustomization.yaml"
	commit := l.merge("Let students into the sandbox",
		edited(t, course, "  title: Sandbox\n", "  title: Sandbox\n  enrolment: Open\n  enrolmentRules: [{claim: groups, values: ["+group+"]}]\n"),
		edited(t, cluster, "components:\n", "components:\n  - ../../../../kustomize/components/open-enrolment\n"))
	reach(t, story.Reported(forge, open, commit, "success"), story.AppliedBy(forge, c, "flux-system", "courses", commit))

	stranger := visit(t, lone, gateway.DeskURL()+"/courses/"+open)
	stranger.sees("h1", "not yours to open")
	student := visit(t, sora, gateway.DeskURL()+"/courses/"+open)
	student.sees("#screen", ".")
	student.picture("works")
	if there := student.page.MustInfo().URL; !strings.HasPrefix(there, gateway.CarrelURL(open, sora)) {
		t.Errorf("%s works at %s, want %s", sora, there, gateway.CarrelURL(open, sora))
	}

	alone := "--single-course=" + open
	l.mergeCluster("One course on one host", edited(t, local, domain, alone))
	reach(t, gateways(alone))
	student = visit(t, umi, gateway.DeskURL())
	student.sees("#screen", ".")
	student.picture("works-alone")
	if there := student.page.MustInfo().URL; there != gateway.DeskURL()+"/" {
		t.Errorf("%s works at %s, want %s/", umi, there, gateway.DeskURL())
	}
	stranger.page.MustNavigate(gateway.DeskURL())
	stranger.sees("h1", "no carrel in this course")

	back := l.merge("Take it back", original(t, course), original(t, cluster), original(t, local))
	reach(t, gateways(domain), story.Reported(forge, open, back, "success"))
}

// dismiss deletes the carrels of visitors, which git knows nothing of.
func dismiss(t *testing.T, course string, users ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandWithin)
	defer cancel()
	for _, user := range users {
		u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: roster.UserlandName(user)}}
		if err := c.Delete(ctx, u); client.IgnoreNotFound(err) != nil {
			t.Error(err)
		}
	}
}

// gateways is reached when those that take visitors run with an argument, of which git
// has the variables not yet replaced, and no others.
func gateways(argument string) story.Milestone {
	argument, _, _ = strings.Cut(argument, "$")
	return story.Milestone{Name: "gateways with " + argument, Within: story.RolledOutWithin, Reached: func(ctx context.Context) (string, bool, error) {
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
		return fmt.Sprintf("%d with it and %d without", with, without), with >= 2 && without == 0, nil
	}}
}
