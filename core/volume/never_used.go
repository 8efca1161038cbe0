package volume

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// NeverUsed returns the volumes of a course that no pod ever ran with and that no carrel
// needs, ordered by Kept.Compare. They have no date, so they stay until a person lets
// them go. The claims are those with the label ManagedByLabel.
//
// A carrel is taken to need every volume of its user, because Templates and Deployments
// are not among the arguments. So a claim may be missing, and none is listed that the
// user's carrels would be given. The controller decides about a request by itself.
func NeverUsed(course *v1alpha1.Course, userlands []v1alpha1.Userland, claims []corev1.PersistentVolumeClaim) []Kept {
	w := KeepingWorld{Claims: claims}
	for i := range userlands {
		u := &userlands[i]
		w.Carrels = append(w.Carrels, Carrel{Userland: u, Template: cmp.Or(u.Spec.TemplateName, course.Spec.TemplateName)})
	}
	var found []Kept
	for _, p := range w.people() {
		p.needAll()
		for _, claim := range Assign(p.carrels, p.claims, p.strangers).Unneeded {
			if _, dated := claim.Labels[v1alpha1.KeepUntilLabel]; !dated && !attached(claim) && !neverHadVolume(claim) && claim.DeletionTimestamp == nil {
				k := described(claim)
				k.NeverUsed = true
				found = append(found, k)
			}
		}
	}
	slices.SortFunc(found, Kept.Compare)
	return found
}

// needAll gives each carrel of a person the names of the volumes of all their claims.
func (p *person) needAll() {
	var names []string
	for i := range p.claims {
		names = append(names, p.claims[i].Annotations[v1alpha1.VolumeAnnotation])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for i := range p.carrels {
		p.carrels[i].Volumes = names
	}
}
