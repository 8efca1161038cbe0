package main

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
)

// deployments are Carrel's processes in the cluster.
var deployments = []string{"carrel-controller", "carrel-reporter", "carrel-errand", "carrel-gateway"}

// runs is reached when a Deployment is rolled out with an image of the tag. Pods that end
// while their WebSockets are open don't count.
func (u *upgrade) runs(name, tag string) story.Milestone {
	return story.Milestone{Name: name + ":" + tag, Reached: func(ctx context.Context) (string, bool, error) {
		var d appsv1.Deployment
		if err := u.Client.Get(ctx, client.ObjectKey{Namespace: "carrel-system", Name: name}, &d); err != nil {
			return "", false, err
		}
		image, want, s := d.Spec.Template.Spec.Containers[0].Image, *d.Spec.Replicas, d.Status
		done := strings.HasSuffix(image, ":"+tag) && s.ObservedGeneration >= d.Generation && s.Replicas == want && s.UpdatedReplicas == want && s.AvailableReplicas == want
		return fmt.Sprintf("%s: %d of %d pods", image, s.UpdatedReplicas, want), done, nil
	}}
}

// carrelsReady are reached when the carrels of the class are there and ready.
func (u *upgrade) carrelsReady() (all []story.Milestone) {
	for _, user := range class {
		m := story.Ready(u.Client, course, roster.UserlandName(user))
		m.Name = user + " ready"
		all = append(all, m)
	}
	return all
}
