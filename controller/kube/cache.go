package kube

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// CacheOptions keep in memory what carrels are made of, and of that only what is
// read. A cluster's other pods are none of our business.
func CacheOptions() cache.Options {
	ours := labels.SelectorFromSet(labels.Set{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue})
	parts := newShared()
	return cache.Options{
		DefaultTransform: sharing(parts, slim),
		ByObject: map[client.Object]cache.ByObject{
			&appsv1.Deployment{}:            {Label: ours},
			&corev1.Service{}:               {Label: ours},
			&corev1.PersistentVolumeClaim{}: {Label: ours},
			&corev1.Pod{}:                   {Label: ours, Transform: sharing(parts, slimPod)},
			&appsv1.ControllerRevision{}:    {Label: ours},
			&corev1.ConfigMap{}:             {Label: labels.SelectorFromSet(labels.Set{v1alpha1.RosterLabel: "true"})},
		},
		// A read of a kind nobody watches would silently begin to cache all of it.
		ReaderFailOnMissingInformer: true,
	}
}

// ShardCacheOptions are CacheOptions for the shard that a selector selects: of
// Courses, Templates and Userlands the cache has no others. What carrels are
// made of bears no shard's label, since a label of the pod template would restart
// everybody.
func ShardCacheOptions(selector labels.Selector) cache.Options {
	options := CacheOptions()
	if selector.Empty() {
		return options
	}
	for _, kind := range []client.Object{&v1alpha1.Course{}, &v1alpha1.Template{}, &v1alpha1.Userland{}} {
		options.ByObject[kind] = cache.ByObject{Label: selector}
	}
	return options
}

// sharing returns a transform that also lets objects share their equal parts.
func sharing(parts *shared, transform toolscache.TransformFunc) toolscache.TransformFunc {
	return func(in any) (any, error) {
		out, err := transform(in)
		if object, ok := out.(client.Object); ok && err == nil {
			parts.add(object)
		}
		return out, err
	}
}

// slim leaves out managedFields, often the largest part of an object, but for
// the question that CreatedByUs asks of them.
func slim(in any) (any, error) {
	object, ok := in.(metav1.Object)
	if !ok {
		return in, nil
	}
	fields := slices.DeleteFunc(slices.Clone(object.GetManagedFields()), func(entry metav1.ManagedFieldsEntry) bool { return !IsCreation(entry) })
	for i := range fields {
		fields[i].FieldsV1, fields[i].Time = nil, nil
	}
	object.SetManagedFields(slices.Clip(fields))
	return object, nil
}

// slimPod leaves of a pod what package health reads.
func slimPod(in any) (any, error) {
	pod, ok := in.(*corev1.Pod)
	if !ok {
		return in, nil
	}
	kept := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID, ResourceVersion: pod.ResourceVersion, Labels: pod.Labels,
			CreationTimestamp: pod.CreationTimestamp, DeletionTimestamp: pod.DeletionTimestamp,
		},
		Spec: corev1.PodSpec{NodeName: pod.Spec.NodeName},
		Status: corev1.PodStatus{
			Phase:                 pod.Status.Phase,
			Reason:                pod.Status.Reason,
			Message:               pod.Status.Message,
			PodIP:                 pod.Status.PodIP,
			Conditions:            pod.Status.Conditions,
			InitContainerStatuses: slimStatuses(pod.Status.InitContainerStatuses),
			ContainerStatuses:     slimStatuses(pod.Status.ContainerStatuses),
		},
	}
	for _, c := range pod.Spec.Containers {
		kept.Spec.Containers = append(kept.Spec.Containers, corev1.Container{
			Name: c.Name, Resources: corev1.ResourceRequirements{Limits: c.Resources.Limits},
		})
	}
	return kept, nil
}

// slimStatuses leaves out what a kubelet adds to a status and health does not read:
// IDs, resources, mounts and the user. They are two thirds of a pod.
func slimStatuses(all []corev1.ContainerStatus) []corev1.ContainerStatus {
	if len(all) == 0 {
		return nil
	}
	kept := make([]corev1.ContainerStatus, 0, len(all))
	for _, s := range all {
		kept = append(kept, corev1.ContainerStatus{
			Name: s.Name, Image: s.Image, Ready: s.Ready, Started: s.Started, RestartCount: s.RestartCount,
			State: slimState(s.State), LastTerminationState: slimState(s.LastTerminationState),
		})
	}
	return kept
}

func slimState(state corev1.ContainerState) corev1.ContainerState {
	if state.Terminated != nil {
		terminated := *state.Terminated
		terminated.ContainerID = ""
		state.Terminated = &terminated
	}
	return state
}
