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
// carrel, who is not in the group is not.
func TestFirstVisitEnrols(t *testing.T) {
	t.Parallel()
	visitGateway(t)
	l := claim(t)
	const member, lone = "sora", "lone"
	before := l.letIn("students", member, lone)

	stranger := visit(t, lone, gateway.DeskURL()+"/courses/"+l.name)
	stranger.sees("h1", "not yours to open")
	student := visit(t, member, gateway.DeskURL()+"/courses/"+l.name)
	student.sees("#screen", ".")
	student.picture("works")
	if there := student.page.MustInfo().URL; !strings.HasPrefix(there, gateway.CarrelURL(l.name, member)) {
		t.Errorf("%s works at %s, want %s", member, there, gateway.CarrelURL(l.name, member))
	}

	closed := l.merge("Take it back", before...)
	reach(t, story.Reported(forge, l.name, closed, "success"))
}

// The same with the course alone on one host.
func TestFirstVisitEnrolsOnOneHost(t *testing.T) {
	t.Parallel()
	changeGateway(t)
	l := claim(t)
	const member, lone = "umi", "alone"
	before := l.letIn("visitors", member, lone)
	const domain, local = "--carrel-domain=carrels.localhost:${GATEWAY_PORT}", "clusters/local/kustomization.yaml"
	only := "--single-course=" + l.name
	l.mergeCluster("One course on one host", edited(t, local, domain, only))
	reach(t, gateways(only))

	student := visit(t, member, gateway.DeskURL())
	student.sees("#screen", ".")
	student.picture("works")
	if there := student.page.MustInfo().URL; there != gateway.DeskURL()+"/" {
		t.Errorf("%s works at %s, want %s/", member, there, gateway.DeskURL())
	}
	stranger := visit(t, lone, gateway.DeskURL())
	stranger.sees("h1", "no carrel in this course")

	closed := l.merge("Take it back", append(before, original(t, local))...)
	reach(t, gateways(domain), story.Reported(forge, l.name, closed, "success"))
}

// letIn has the course give a carrel to whoever is in a group at the forge: the member,
// and not the stranger. It returns how the course was before.
func (l *lab) letIn(group, member, stranger string) (before []story.Change) {
	l.t.Helper()
	l.t.Cleanup(func() { dismiss(l.t, l.name, member) })
	if err := forge.NewUsers(l.t.Context(), member, stranger); err != nil {
		l.t.Fatal(err)
	}
	if err := forge.NewGroup(l.t.Context(), group, member); err != nil {
		l.t.Fatal(err)
	}
	course, cluster := l.path("roster/course.yaml"), "clusters/local/courses/"+l.name+"/kustomization.yaml"
	commit := l.merge("Let students into the sandbox",
		edited(l.t, course, "  title: Sandbox\n", "  title: Sandbox\n  enrolment: Open\n  enrolmentRules: [{claim: groups, values: ["+group+"]}]\n"),
		edited(l.t, cluster, "components:\n", "components:\n  - ../../../../kustomize/components/open-enrolment\n"))
	reach(l.t, story.Reported(forge, l.name, commit, "success"), story.AppliedBy(forge, c, "flux-system", "courses", commit))
	return []story.Change{original(l.t, course), original(l.t, cluster)}
}

// dismiss deletes the carrel of a visitor, which git knows nothing of.
func dismiss(t *testing.T, course, user string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), commandWithin)
	defer cancel()
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: roster.UserlandName(user)}}
	if err := c.Delete(ctx, u); client.IgnoreNotFound(err) != nil {
		t.Error(err)
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
