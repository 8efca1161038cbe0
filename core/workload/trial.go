package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// trialUser is the user and the Userland of every trial. No Userland can have this
	// name.
	trialUser = "trial" + separator + "errand"
	// trialPrefix begins the name of the Job of a trial. No Userland and no object of a
	// carrel can have a name that begins with it.
	trialPrefix = "trial" + separator
	// longestTrialName leaves room for a prefix, a dash and a digest in a label's 63
	// characters.
	longestTrialName = 40

	// trialDeadline is when Kubernetes ends a trial that nobody has ended. It is longer
	// than the steps of a start may take together.
	trialDeadline = 30 * time.Minute
	// trialKept is how long Kubernetes keeps the Job of a trial that is over, if nobody
	// has recorded its outcome by then.
	trialKept = time.Hour
	// trialRestarts is how often the containers of a trial may end before Kubernetes
	// gives up. The outcome is found earlier.
	trialRestarts = 10
)

// TrialName returns the name of the Job of a trial. Each attempt has its own, so that
// the Job of an attempt that is over is never taken for the next one.
func TrialName(t *v1alpha1.Template, revision, volumes string, attempt int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d", t.UID, revision, volumes, attempt))
	prefix := strings.ReplaceAll(t.Name[:min(len(t.Name), longestTrialName)], ".", "-")
	return trialPrefix + strings.TrimRight(prefix, "-") + "-" + hex.EncodeToString(sum[:digestBytes])
}

// VolumesDigest returns a digest of the pvcSpecs of a Template, which no revision has.
// It returns the empty string if the Template has no volumes.
func VolumesDigest(t *v1alpha1.Template) (string, error) {
	if len(t.Spec.Volumes) == 0 {
		return "", nil
	}
	specs := make(map[string]corev1.PersistentVolumeClaimSpec, len(t.Spec.Volumes))
	for _, volume := range t.Spec.Volumes {
		specs[volume.Name] = volume.PVCSpec
	}
	data, err := json.Marshal(specs)
	if err != nil {
		return "", fmt.Errorf("encode the volumes of template %q: %w", t.Name, err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:digestBytes]), nil
}

// TrialJob returns the Job that tries a Template as it stands. Its pod is as a
// student's, except for what follows:
//
//   - It has the labels of an errand in place of those by which the pods of carrels are
//     found.
//   - Its volumes are made with the pod, from the same pvcSpec, and go with it.
//   - It has no token, a priority below that of students, and pushes out nobody.
//   - A container that ends with exit code 0 is not restarted, because a Job can't have
//     that. One that fails is.
func TrialJob(t *v1alpha1.Template, name string) (*batchv1.Job, error) {
	pod, err := trialPod(t, name)
	if err != nil {
		return nil, err
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       t.Namespace,
			Name:            name,
			Labels:          merged(errandLabels(name), map[string]string{v1alpha1.TemplateLabel: t.Name}),
			OwnerReferences: []metav1.OwnerReference{templateOwner(t)},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:            ptr.To[int32](trialRestarts),
			ActiveDeadlineSeconds:   ptr.To(int64(trialDeadline.Seconds())),
			TTLSecondsAfterFinished: ptr.To(int32(trialKept.Seconds())),
			Template:                *pod,
		},
	}, nil
}

// trialPod returns the pod of a carrel, changed to that of an errand.
func trialPod(t *v1alpha1.Template, name string) (*corev1.PodTemplateSpec, error) {
	user := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: trialUser}}
	plan := Plan{Userland: user, Template: t.Name, Blueprint: NewBlueprint(t), Run: true}
	applied, err := podTemplate(plan, environment(user))
	if err != nil {
		return nil, fmt.Errorf("pod of template %q: %w", t.Name, err)
	}
	pod := &corev1.PodTemplateSpec{}
	if err := convert(applied, pod); err != nil {
		return nil, err
	}
	pod.Labels = merged(plan.Blueprint.Pod.Labels, errandLabels(name))
	own := len(plan.Blueprint.Pod.Spec.Volumes)
	for i, volume := range t.Spec.Volumes {
		pod.Spec.Volumes[own+i].VolumeSource = ephemeral(volume, name)
	}
	pod.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
	pod.Spec.AutomountServiceAccountToken = ptr.To(false)
	pod.Spec.PriorityClassName, pod.Spec.Priority = v1alpha1.ErrandPriorityClass, nil
	pod.Spec.PreemptionPolicy = ptr.To(corev1.PreemptNever)
	return pod, nil
}

// ephemeral returns a volume that is made with a pod and goes with it.
func ephemeral(volume v1alpha1.Volume, name string) corev1.VolumeSource {
	return corev1.VolumeSource{Ephemeral: &corev1.EphemeralVolumeSource{VolumeClaimTemplate: &corev1.PersistentVolumeClaimTemplate{
		ObjectMeta: metav1.ObjectMeta{Labels: errandLabels(name)},
		Spec:       *volume.PVCSpec.DeepCopy(),
	}}}
}

// errandLabels are on everything that belongs to an errand. None of them is one by
// which Services, counts or caches find carrels.
func errandLabels(name string) map[string]string {
	return map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ErrandManagedByValue, v1alpha1.ErrandLabel: name}
}

// templateOwner makes an errand go with its Template.
func templateOwner(t *v1alpha1.Template) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "Template", Name: t.Name, UID: t.UID, Controller: ptr.To(true),
	}
}
