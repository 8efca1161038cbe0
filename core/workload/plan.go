package workload

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Plan is what one carrel is to be made of.
type Plan struct {
	// Userland is whose carrel it is.
	Userland *v1alpha1.Userland
	// Template and Revision are the names of what the Blueprint is of.
	Template, Revision string
	// Blueprint is what it has in common with others.
	Blueprint Blueprint
	// Run is whether there is to be a pod.
	Run bool
	// RestartedAt is when a restart was last asked for; nil: never. Another
	// moment makes another pod.
	RestartedAt *metav1.Time
	// Claims are the names of the claims of the blueprint's volumes.
	Claims map[string]string
}

func (p Plan) labels() map[string]string {
	return merged(labels(p.Userland), map[string]string{v1alpha1.TemplateLabel: p.Template})
}

func (p Plan) replicas() int32 {
	if p.Run {
		return 1
	}
	return 0
}

// samplePlan is of a user with a name that no Userland can have.
func samplePlan(t *v1alpha1.Template) Plan {
	p := Plan{Userland: sampleUser(t), Template: t.Name, Revision: t.Name, Blueprint: NewBlueprint(t), Run: true, Claims: map[string]string{}}
	for _, volume := range p.Blueprint.Volumes {
		p.Claims[volume] = ClaimName(p.Userland, volume)
	}
	return p
}
