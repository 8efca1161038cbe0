package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// canaryPrefix begins the name of the Job of a canary. No Userland and no object of a
	// carrel can have a name that begins with it.
	canaryPrefix = "canary" + separator
	// CanaryDeadline is the time after which Kubernetes ends a canary. It works for half a minute; the
	// rest is for a node that has to pull the image.
	CanaryDeadline = 5 * time.Minute
	// canaryUser is the user and the group of the program in the image.
	canaryUser = 65532
)

// The arguments of the program in a canary.
const (
	// CanaryCommand is the first argument of the program in a canary.
	CanaryCommand = "canary"
	// CanaryTryFlag begins each further argument.
	CanaryTryFlag = "--try="
)

// CanaryName returns the name of the Job of a canary. Each attempt has its own, and each
// state of the course's NetworkPolicies, so that a canary of former ones says nothing
// about the present ones.
func CanaryName(c *v1alpha1.Course, policies string, attempt int32) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", c.UID, policies, attempt))
	return canaryPrefix + hex.EncodeToString(sum[:digestBytes])
}

// IsCanary reports whether a Job is that of a canary.
func IsCanary(job *batchv1.Job) bool { return strings.HasPrefix(job.Name, canaryPrefix) }

// CanaryJob returns the Job that tries, in a course, what carrels must not reach. Its pod
// has the account, the Pod Security level and the NetworkPolicies of a carrel. It runs an
// image of Carrel with targets as arguments.
func CanaryJob(c *v1alpha1.Course, name, image string, targets []string) *batchv1.Job {
	arguments := []string{CanaryCommand}
	for _, target := range targets {
		arguments = append(arguments, CanaryTryFlag+target)
	}
	return &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace,
			Name:      name,
			Labels:    errandLabels(name),
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "Course", Name: c.Name, UID: c.UID, Controller: ptr.To(true),
			}},
		},
		Spec: batchv1.JobSpec{
			BackoffLimit:            ptr.To[int32](0),
			ActiveDeadlineSeconds:   ptr.To(int64(CanaryDeadline.Seconds())),
			TTLSecondsAfterFinished: ptr.To(int32(trialKept.Seconds())),
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: errandLabels(name)},
				Spec:       canaryPod(image, arguments),
			},
		},
	}
}

func canaryPod(image string, arguments []string) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:                corev1.RestartPolicyNever,
		AutomountServiceAccountToken: ptr.To(false),
		EnableServiceLinks:           ptr.To(false),
		PriorityClassName:            v1alpha1.ErrandPriorityClass,
		PreemptionPolicy:             ptr.To(corev1.PreemptNever),
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](canaryUser), RunAsGroup: ptr.To[int64](canaryUser),
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		Containers: []corev1.Container{{
			Name: CanaryCommand, Image: image, Args: arguments,
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("32Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
			},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
				Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}
