package workload

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Deployment is the Deployment of a Userland.
func Deployment(u *v1alpha1.Userland, t *v1alpha1.Template) (*appsv1ac.DeploymentApplyConfiguration, error) {
	return deployment(u, t, environment(u))
}

// Sample is a Deployment to try a Template on the API server with. It has the
// variables of no user, so that what the API server says of env[2] is about the
// Template's env[2]. Its name can't be that of a Userland.
func Sample(t *v1alpha1.Template) (*appsv1ac.DeploymentApplyConfiguration, error) {
	return deployment(sampleUser(t), t, nil)
}

func deployment(u *v1alpha1.Userland, t *v1alpha1.Template, env []*corev1ac.EnvVarApplyConfiguration) (*appsv1ac.DeploymentApplyConfiguration, error) {
	pod, err := podTemplate(u, t, env)
	if err != nil {
		return nil, fmt.Errorf("pod of template %q: %w", t.Name, err)
	}
	d := appsv1ac.Deployment(DeploymentName(u), u.Namespace).
		WithLabels(labelsWithTemplate(u, t)).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(replicas(u)).
			// Git keeps the history; old ReplicaSets would only be in the way.
			WithRevisionHistoryLimit(0).
			// Two pods must never write to one volume.
			WithStrategy(appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector(u))).
			WithTemplate(pod))
	if u.UID != "" {
		d.WithOwnerReferences(owner(u))
	}
	return d, nil
}

func replicas(u *v1alpha1.Userland) int32 {
	if u.Enabled() {
		return 1
	}
	return 0
}

// podTemplate is the Template's pod with what Carrel adds.
func podTemplate(u *v1alpha1.Userland, t *v1alpha1.Template, env []*corev1ac.EnvVarApplyConfiguration) (*corev1ac.PodTemplateSpecApplyConfiguration, error) {
	blueprint := NewBlueprint(t)
	spec, err := podSpec(&blueprint.Pod.Spec)
	if err != nil {
		return nil, err
	}
	for i := range spec.Containers {
		addEnvironment(&spec.Containers[i], env)
	}
	for i := range spec.InitContainers {
		addEnvironment(&spec.InitContainers[i], env)
	}
	for _, volume := range t.Spec.Volumes {
		spec.WithVolumes(corev1ac.Volume().WithName(volume.Name).
			WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(ClaimName(u, volume.Name))))
	}
	return corev1ac.PodTemplateSpec().
		WithLabels(merged(t.Spec.Template.Labels, labelsWithTemplate(u, t))).
		WithAnnotations(t.Spec.Template.Annotations).
		WithSpec(spec), nil
}

// environment are the variables every container is given.
func environment(u *v1alpha1.Userland) []*corev1ac.EnvVarApplyConfiguration {
	return []*corev1ac.EnvVarApplyConfiguration{
		corev1ac.EnvVar().WithName(v1alpha1.UserEnv).WithValue(u.User()),
		corev1ac.EnvVar().WithName(v1alpha1.UserlandEnv).WithValue(u.Name),
		corev1ac.EnvVar().WithName(v1alpha1.CourseEnv).WithValue(u.Namespace),
	}
}

// addEnvironment puts the variables before the container's own, since
// $(CARREL_USER) is expanded only by what comes after it.
func addEnvironment(c *corev1ac.ContainerApplyConfiguration, env []*corev1ac.EnvVarApplyConfiguration) {
	own := c.Env
	c.Env = nil
	c.WithEnv(env...)
	c.Env = append(c.Env, own...)
}

func podSpec(spec *corev1.PodSpec) (*corev1ac.PodSpecApplyConfiguration, error) {
	into := corev1ac.PodSpec()
	return into, convert(spec, into)
}
