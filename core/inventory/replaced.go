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

// act orders the claims of one owner. A claim in use counts before one that is only kept.
// Among these, the claim with the latest reset or restore counts.
type act struct {
	inUse bool
	at    string
}

func actOf(c Claim) act {
	_, kept := c.Labels[v1alpha1.KeepUntilLabel]
	return act{inUse: !kept, at: max(c.Annotations[v1alpha1.ResetAnnotation], c.Annotations[v1alpha1.RestoredAnnotation])}
}

// later returns the one of two acts that counts.
func (a act) later(b act) act {
	if a.inUse == b.inUse && a.at < b.at || !a.inUse && b.inUse {
		return b
	}
	return a
}

// actsOf returns the act of the claim that counted, for each owner.
func actsOf(inventory Inventory) map[owner]act {
	acts := map[owner]act{}
	for _, volume := range inventory.Volumes {
		o := ownerOf(volume)
		acts[o] = acts[o].later(actOf(volume.Claim))
	}
	return acts
}

// isReplaced reports whether the owner has worked since the loss in a claim that was
// made in place of this volume. If so, the restored claim needs the annotation
// restored-at, or it would not count. It needs none if no pod ran with the new claim,
// since claims with work count before it.
func (p *planner) isReplaced(volume Volume) bool {
	o := ownerOf(volume)
	return p.used[o] && actOf(volume.Claim) == p.acts[o]
}

// isUsed reports whether a claim may hold work and has no date.
func isUsed(claim *corev1.PersistentVolumeClaim) bool {
	_, kept := claim.Labels[v1alpha1.KeepUntilLabel]
	return !kept && claim.DeletionTimestamp == nil && claim.Spec.VolumeName != "" &&
		claim.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached
}
