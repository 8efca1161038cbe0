package userland

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/health"
	"github.com/carrel-dev/carrel/controller/workload"
)

// withoutTemplate sees to a carrel whose Template is of no use. Bad input
// changes nothing: one that runs goes on as it was. One that is meant to be
// stopped is stopped, which takes no Template.
func (r *Reconciler) withoutTemplate(ctx context.Context, u *v1alpha1.Userland, trouble health.Finding) (health.Finding, error) {
	deployment, err := r.deployment(ctx, u)
	if err != nil {
		return health.Finding{}, err
	}
	if !u.Enabled() {
		if err := r.stop(ctx, deployment); err != nil {
			return health.Finding{}, err
		}
	}
	carrel, err := r.look(ctx, u, deployment)
	if err != nil {
		return health.Finding{}, err
	}
	switch now := health.Judge(carrel); {
	case !u.Enabled():
		return now, nil
	case now.Ready:
		trouble.State = now.State
		trouble.Message += "; the carrel goes on as it was"
	}
	return trouble, nil
}

// deployment is the Userland's own Deployment; nil if it has none.
func (r *Reconciler) deployment(ctx context.Context, u *v1alpha1.Userland) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	err := r.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: workload.DeploymentName(u)}, deployment)
	if apierrors.IsNotFound(err) || err == nil && !metav1.IsControlledBy(deployment, u) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the deployment of %q: %w", u.Name, err)
	}
	return deployment, nil
}

// stop scales a Deployment to nothing.
func (r *Reconciler) stop(ctx context.Context, deployment *appsv1.Deployment) error {
	if deployment == nil || ptr.Deref(deployment.Spec.Replicas, 1) == 0 {
		return nil
	}
	before := deployment.DeepCopy()
	deployment.Spec.Replicas = ptr.To[int32](0)
	if err := r.Patch(ctx, deployment, client.MergeFrom(before), client.FieldOwner(apply.FieldOwner)); err != nil {
		return fmt.Errorf("stop deployment %q: %w", deployment.Name, err)
	}
	return nil
}
