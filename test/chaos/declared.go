package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// declaredWithin bounds the time from the end of a fault until everything is as declared.
// The reporter awaits the trial of a Template for five minutes of it.
const declaredWithin = story.ReportedWithin

// follow waits until everything is as the commit declares.
func (c *chaos) follow(ctx context.Context, within time.Duration, commit string) error {
	milestones := []story.Milestone{
		c.nodeReady(), c.processesAvailable(),
		story.AppliedBy(c.Forge, c.Client, course, "templates", commit),
		story.AppliedBy(c.Forge, c.Client, course, "roster", commit),
		c.carrelsRun(),
		story.Reported(c.Forge, course, commit, "success"),
	}
	for i := range milestones {
		milestones[i].Within = within
	}
	return c.Follow(ctx, milestones...)
}

func (c *chaos) nodeReady() story.Milestone {
	return story.Milestone{Name: "node ready", Reached: func(ctx context.Context) (string, bool, error) {
		var nodes corev1.NodeList
		if err := c.Client.List(ctx, &nodes); err != nil {
			return "", false, err
		}
		for _, node := range nodes.Items {
			for _, condition := range node.Status.Conditions {
				if condition.Type == corev1.NodeReady && condition.Status != corev1.ConditionTrue {
					return condition.Message, false, nil
				}
			}
		}
		return fmt.Sprintf("%d of them", len(nodes.Items)), len(nodes.Items) > 0, nil
	}}
}

// processesAvailable is reached when the Deployments of Carrel, Flux and the cluster have all
// their pods.
func (c *chaos) processesAvailable() story.Milestone {
	return story.Milestone{Name: "processes available", Reached: func(ctx context.Context) (string, bool, error) {
		var missing []string
		found := 0
		for _, namespace := range []string{"carrel-system", "flux-system", "kube-system"} {
			var list appsv1.DeploymentList
			if err := c.Client.List(ctx, &list, client.InNamespace(namespace)); err != nil {
				return "", false, err
			}
			for i := range list.Items {
				found++
				d := &list.Items[i]
				if want := ptr.Deref(d.Spec.Replicas, 1); d.Status.ObservedGeneration < d.Generation || d.Status.AvailableReplicas != want {
					missing = append(missing, fmt.Sprintf("%s: %d of %d", d.Name, d.Status.AvailableReplicas, want))
				}
			}
		}
		if len(missing) > 0 || found < len(deployments) {
			return strings.Join(missing, ", "), false, nil
		}
		return fmt.Sprintf("%d Deployments", found), true, nil
	}}
}

// carrelsRun is reached when the course has the declared users and no others, and each
// carrel runs.
func (c *chaos) carrelsRun() story.Milestone {
	return story.Milestone{Name: "carrels run", Reached: func(ctx context.Context) (string, bool, error) {
		var list v1alpha1.UserlandList
		if err := c.Client.List(ctx, &list, client.InNamespace(course)); err != nil {
			return "", false, err
		}
		problems := undeclared(c.declared, list.Items)
		if len(problems) > 0 {
			return strings.Join(problems, "; "), false, nil
		}
		return fmt.Sprintf("%d of them", len(list.Items)), true, nil
	}}
}

// undeclared returns how carrels differ from those declared, all of which run.
func undeclared(declared map[string]bool, carrels []v1alpha1.Userland) (problems []string) {
	found := map[string]bool{}
	for i := range carrels {
		u := &carrels[i]
		found[u.User()] = true
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		switch {
		case !declared[u.User()]:
			problems = append(problems, u.Name+" is not declared")
		case ready == nil:
			problems = append(problems, u.Name+" has no condition Ready")
		case ready.Status != "True" || u.Status.State != v1alpha1.StateRunning:
			problems = append(problems, fmt.Sprintf("%s is %s: %s", u.Name, u.Status.State, ready.Message))
		}
	}
	for user := range declared {
		if !found[user] {
			problems = append(problems, user+" has no carrel")
		}
	}
	slices.Sort(problems)
	return problems
}
