package story

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// buildAnnotation of a pod template names the build that its pods run.
	buildAnnotation = "carrel.local/build"
	// buildOwner owns that annotation. Flux drops what kubectl's field owners set on
	// its objects, and leaves other owners alone.
	buildOwner = client.FieldOwner("carrel-demo-update")
)

// Update builds Carrel's processes from the work tree, loads them into the running
// cluster, and starts a rollout of each Deployment whose program changed. It returns
// a milestone for each Deployment: its rollout is over.
func (d Devcluster) Update(ctx context.Context, c client.Client) ([]Milestone, error) {
	dir, err := os.MkdirTemp("", "carrel-processes-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for Carrel's images: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	archives, err := d.build(ctx, dir)
	if err != nil {
		return nil, err
	}
	builds := map[string]string{}
	for i, process := range d.processes() {
		data, err := os.ReadFile(archives[i])
		if err != nil {
			return nil, fmt.Errorf("read the image of %s: %w", process, err)
		}
		digest := sha256.Sum256(data)
		builds[ImageOf(process)] = hex.EncodeToString(digest[:8])
	}
	if err := d.show(ctx, append([]string{"load"}, archives...)...); err != nil {
		return nil, err
	}
	return roll(ctx, c, builds)
}

// roll notes the build of its image on each of Carrel's Deployments. Where that is
// another build than before, the Deployment replaces its pods.
func roll(ctx context.Context, c client.Client, builds map[string]string) ([]Milestone, error) {
	var deployments appsv1.DeploymentList
	if err := c.List(ctx, &deployments, client.InNamespace(systemNamespace)); err != nil {
		return nil, fmt.Errorf("list Carrel's Deployments: %w", err)
	}
	var milestones []Milestone
	for i := range deployments.Items {
		deployment := &deployments.Items[i]
		pods := &deployment.Spec.Template
		build, ours := builds[pods.Spec.Containers[0].Image]
		if !ours {
			continue
		}
		if before := deployment.DeepCopy(); pods.Annotations[buildAnnotation] != build {
			metav1.SetMetaDataAnnotation(&pods.ObjectMeta, buildAnnotation, build)
			if err := c.Patch(ctx, deployment, client.MergeFrom(before), buildOwner); err != nil {
				return nil, fmt.Errorf("roll out %s: %w", deployment.Name, err)
			}
		}
		milestones = append(milestones, rolledOut(c, deployment.Name))
	}
	if len(milestones) == 0 {
		return nil, fmt.Errorf("no Deployment in %s runs an image of this work tree: was the cluster brought up by make demo?", systemNamespace)
	}
	return milestones, nil
}

// rolledOut is reached when every pod of one of Carrel's Deployments is of its
// present template and available.
func rolledOut(c client.Client, name string) Milestone {
	return Milestone{Name: name, Within: RolledOutWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var d appsv1.Deployment
		if err := c.Get(ctx, client.ObjectKey{Namespace: systemNamespace, Name: name}, &d); err != nil {
			return "", false, err
		}
		want, s := ptr.Deref(d.Spec.Replicas, 1), d.Status
		done := s.ObservedGeneration >= d.Generation && s.Replicas == want && s.UpdatedReplicas == want && s.AvailableReplicas == want
		return fmt.Sprintf("%d of %d pods run build %s", s.UpdatedReplicas, want, d.Spec.Template.Annotations[buildAnnotation]), done, nil
	}}
}
