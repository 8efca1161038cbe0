package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Blueprint is what all carrels of one revision of a Template have in common. It
// is what a ControllerRevision keeps, so that a carrel can be made again as it
// was, whatever became of its Template and of this program: whatever a later
// version of Carrel adds to every pod belongs into NewBlueprint, where it makes
// a new revision that carrels take when they next start, and not into the
// builders, where it would restart all of them at once. Stored ones must remain
// readable: fields can be added, and not change their meaning.
type Blueprint struct {
	// Pod is the pod of a carrel, but for what differs from user to user.
	Pod corev1.PodTemplateSpec `json:"template"`
	// Service says how it is reached.
	Service v1alpha1.ServiceSpec `json:"service"`
	// Volumes are the names of the Template's volumes. Their size and how long
	// they are kept belong to no revision: a claim outlives them.
	Volumes []string `json:"volumes,omitempty"`
}

// NewBlueprint returns the blueprint of a Template as it stands.
func NewBlueprint(t *v1alpha1.Template) Blueprint {
	b := source(t)
	keepCredentialsOut(&b.Pod.Spec)
	keepLastWords(&b.Pod.Spec)
	return b
}

// source returns what of a Template makes up a revision, before Carrel adds to it. No
// other function lists these fields.
func source(t *v1alpha1.Template) Blueprint {
	b := Blueprint{Pod: *t.Spec.Template.DeepCopy(), Service: *t.Spec.Service.DeepCopy()}
	for _, volume := range t.Spec.Volumes {
		b.Volumes = append(b.Volumes, volume.Name)
	}
	return b
}

// keepLastWords has the kubelet put the last lines of a log into the status of a pod whose
// container fails, unless the Template says otherwise. Nobody then needs a right to read
// logs to see why a carrel ended.
func keepLastWords(spec *corev1.PodSpec) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			if containers[i].TerminationMessagePolicy == "" {
				containers[i].TerminationMessagePolicy = corev1.TerminationMessageFallbackToLogsOnError
			}
		}
	}
}

// keepCredentialsOut withholds what a student's programs need not know unless
// the Template asks for it: a token for the API server, and the addresses of
// the other Services of the course.
func keepCredentialsOut(spec *corev1.PodSpec) {
	if spec.AutomountServiceAccountToken == nil {
		spec.AutomountServiceAccountToken = ptr.To(false)
	}
	if spec.EnableServiceLinks == nil {
		spec.EnableServiceLinks = ptr.To(false)
	}
}
