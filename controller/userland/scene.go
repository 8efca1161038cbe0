package userland

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

var (
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	serviceKind    = corev1.SchemeGroupVersion.WithKind("Service")
	claimKind      = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")
)

// scene is what there is of a carrel.
type scene struct {
	// deployment is the Userland's own; nil if it has none.
	deployment *appsv1.Deployment
	pods       []corev1.Pod
}

func (r *Reconciler) look(ctx context.Context, u *v1alpha1.Userland) (scene, error) {
	deployment := &appsv1.Deployment{}
	key := client.ObjectKey{Namespace: u.Namespace, Name: workload.DeploymentName(u)}
	err := r.Get(ctx, key, deployment)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return scene{}, fmt.Errorf("read the deployment of %q: %w", u.Name, err)
	case r.Applier.Recent.Behind(deploymentKind, key, deployment.ResourceVersion):
		return scene{}, kube.ErrCacheBehind
	case !metav1.IsControlledBy(deployment, u) || deployment.DeletionTimestamp != nil:
		deployment = nil
	}
	pods, err := kube.Pods(ctx, r, client.ObjectKeyFromObject(u))
	return scene{deployment: deployment, pods: pods}, err
}

// runs reports whether the carrel is meant to run as things stand.
func (s scene) runs() bool {
	return s.deployment != nil && ptr.Deref(s.deployment.Spec.Replicas, 1) > 0
}

// mounted are the names of the claims the Deployment mounts, by volume.
func (s scene) mounted() map[string]string {
	names := map[string]string{}
	if s.deployment == nil {
		return names
	}
	for _, v := range s.deployment.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names[v.Name] = v.PersistentVolumeClaim.ClaimName
		}
	}
	return names
}

// revision is the one the carrel was made of; empty if it is not known.
func (s scene) revision() string {
	if s.deployment == nil {
		return ""
	}
	return s.deployment.Labels[v1alpha1.RevisionLabel]
}

// judge says how the carrel is doing that is meant to be present so.
func (s scene) judge(p health.Presence, claims []corev1.PersistentVolumeClaim, now time.Time) health.Finding {
	return health.Judge(health.Carrel{Presence: p, Deployment: s.deployment, Pods: s.pods, Claims: claims, Now: now})
}
