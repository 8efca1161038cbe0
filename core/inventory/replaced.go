package inventory

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// owner identifies the volumes of a person.
type owner struct{ course, user, volume string }

func ownerOf(v Volume) owner { return owner{v.Course, roster.Person(v.User), v.Name} }

func ownerOfClaim(claim *corev1.PersistentVolumeClaim) owner {
	return owner{claim.Namespace, roster.Person(claim.Annotations[v1alpha1.UserAnnotation]), claim.Annotations[v1alpha1.VolumeAnnotation]}
}

// act orders the claims of one owner: a claim in use counts before one that is only
// kept, then the claim with the latest deliberate act.
type act struct {
	inUse bool
	at    string
}

func actOf(c Claim) act {
	_, kept := c.Labels[v1alpha1.KeepUntilLabel]
	return act{inUse: !kept, at: max(c.Annotations[v1alpha1.ResetAnnotation], c.Annotations[v1alpha1.RestoredAnnotation])}
}

// later returns the act that counts of two.
func (a act) later(b act) act {
	if a.inUse == b.inUse && a.at < b.at || !a.inUse && b.inUse {
		return b
	}
	return a
}

// actsOf returns, for each owner, the act of the claims that counted.
func actsOf(inventory Inventory) map[owner]act {
	acts := map[owner]act{}
	for _, volume := range inventory.Volumes {
		o := ownerOf(volume)
		acts[o] = acts[o].later(actOf(volume.Claim))
	}
	return acts
}

// isReplaced reports whether the owner has worked since the loss in a claim that was
// made in place of this volume. Then only a deliberate mark brings the volume back.
// An empty claim that no pod has run with needs no mark: it never counts before work.
func (p *planner) isReplaced(volume Volume) bool {
	o := ownerOf(volume)
	return p.used[o] && actOf(volume.Claim) == p.acts[o]
}

// isUsed reports whether a claim may hold work and is in use.
func isUsed(claim *corev1.PersistentVolumeClaim) bool {
	_, kept := claim.Labels[v1alpha1.KeepUntilLabel]
	return !kept && claim.DeletionTimestamp == nil && claim.Spec.VolumeName != "" &&
		claim.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached
}
