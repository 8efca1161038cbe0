package workload

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Deployment is the Deployment of a carrel.
func Deployment(p Plan) (*appsv1ac.DeploymentApplyConfiguration, error) {
	return deployment(p, environment(p.Userland))
}

// Sample is a Deployment to try a Template on the API server with. It has the
// variables of no user, so that what the API server says of env[2] is about the
// Template's env[2]. Its name can't be that of a Userland.
func Sample(t *v1alpha1.Template) (*appsv1ac.DeploymentApplyConfiguration, error) {
	return deployment(samplePlan(t), nil)
}

// SamplePod is the pod of a Sample.
func SamplePod(d *appsv1ac.DeploymentApplyConfiguration) *corev1ac.PodApplyConfiguration {
	return corev1ac.Pod(*d.Name, *d.Namespace).
		WithLabels(d.Spec.Template.Labels).WithAnnotations(d.Spec.Template.Annotations).WithSpec(d.Spec.Template.Spec)
}

func deployment(p Plan, env []*corev1ac.EnvVarApplyConfiguration) (*appsv1ac.DeploymentApplyConfiguration, error) {
	pod, err := podTemplate(p, env)
	if err != nil {
		return nil, fmt.Errorf("pod of template %q: %w", p.Template, err)
	}
	d := appsv1ac.Deployment(DeploymentName(p.Userland), p.Userland.Namespace).
		WithLabels(merged(p.labels(), map[string]string{v1alpha1.RevisionLabel: p.Revision})).
		WithSpec(appsv1ac.DeploymentSpec().
			WithReplicas(p.replicas()).
			// Git keeps the history; old ReplicaSets would only be in the way.
			WithRevisionHistoryLimit(0).
			// Two pods must never write to one volume.
			WithStrategy(appsv1ac.DeploymentStrategy().WithType(appsv1.RecreateDeploymentStrategyType)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(selector(p.Userland))).
			WithTemplate(pod))
	if p.Userland.UID != "" {
		d.WithOwnerReferences(owner(p.Userland))
	}
	return d, nil
}

// podTemplate is the blueprint's pod with what is the user's own.
func podTemplate(p Plan, env []*corev1ac.EnvVarApplyConfiguration) (*corev1ac.PodTemplateSpecApplyConfiguration, error) {
	spec, err := podSpec(&p.Blueprint.Pod.Spec)
	if err != nil {
		return nil, err
	}
	for i := range spec.Containers {
		addEnvironment(&spec.Containers[i], env)
	}
	for i := range spec.InitContainers {
		addEnvironment(&spec.InitContainers[i], env)
	}
	for _, volume := range p.Blueprint.Volumes {
		spec.WithVolumes(corev1ac.Volume().WithName(volume).
			WithPersistentVolumeClaim(corev1ac.PersistentVolumeClaimVolumeSource().WithClaimName(p.Claims[volume])))
	}
	pod := corev1ac.PodTemplateSpec().
		WithLabels(merged(p.Blueprint.Pod.Labels, p.labels())).
		WithAnnotations(p.Blueprint.Pod.Annotations).
		WithSpec(spec)
	if p.RestartedAt != nil {
		pod.WithAnnotations(map[string]string{v1alpha1.RestartedAtAnnotation: p.RestartedAt.UTC().Format(time.RFC3339)})
	}
	return pod, nil
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
