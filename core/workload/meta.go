package workload

import (
	"maps"

	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// kind is the kind of the owner of what is made here.
const kind = "Userland"

// labels are on everything made for a Userland: the cache keeps nothing without
// the first, and events find their Userland by the second.
func labels(u *v1alpha1.Userland) map[string]string {
	return map[string]string{
		v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue,
		v1alpha1.UserlandLabel:  u.Name,
	}
}

// selector is immutable in a Deployment, so it holds nothing that an edit of
// Userland or Template can change.
func selector(u *v1alpha1.Userland) map[string]string {
	return map[string]string{v1alpha1.UserlandLabel: u.Name}
}

// owner makes an object go with its Userland. It does not block the owner's
// deletion, which would take a right on the Userland's finalizers.
func owner(u *v1alpha1.Userland) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).
		WithKind(kind).
		WithName(u.Name).
		WithUID(u.UID).
		WithController(true)
}

// merged is the union of two maps; the second wins.
func merged(a, b map[string]string) map[string]string {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, b)
	return all
}
