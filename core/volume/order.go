package volume

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// first returns the candidate that counts for a carrel, or nil if there is none. If several
// candidates with work count equally, it returns these as equal instead.
func first(c Carrel, candidates []*corev1.PersistentVolumeClaim) (best *corev1.PersistentVolumeClaim, equal []*corev1.PersistentVolumeClaim) {
	if len(candidates) == 0 {
		return nil, nil
	}
	best = slices.MinFunc(candidates, func(a, b *corev1.PersistentVolumeClaim) int { return cmp.Or(c.order(a, b), older(a, b)) })
	if !attached(best) {
		return best, nil
	}
	for _, other := range candidates {
		if c.order(best, other) == 0 {
			equal = append(equal, other)
		}
	}
	if len(equal) < 2 {
		return best, nil
	}
	return nil, equal
}

// order compares two candidates of a carrel. It is negative if a counts before b.
func (c Carrel) order(a, b *corev1.PersistentVolumeClaim) int {
	return cmp.Or(
		cmp.Compare(act(b), act(a)),
		before(attached(a), attached(b)),
		before(c.mounts(a), c.mounts(b)),
		before(c.labels(a), c.labels(b)),
		before(c.follows(a), c.follows(b)),
	)
}

// before orders two claims by a condition. The claim for which it is true comes first.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	default:
		return 1
	}
}

// older compares two claims without work.
func older(a, b *corev1.PersistentVolumeClaim) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}

// act returns the time of the latest deliberate act that asks for a claim, a reset or
// a restore, in the form KeepUntilLayout. It is empty if there was none.
func act(claim *corev1.PersistentVolumeClaim) string {
	return max(moment(claim, v1alpha1.ResetAnnotation), restoredAt(claim))
}

// restoredAt returns the time at which a person decided that a claim holds the work. It is
// empty if nobody did.
func restoredAt(claim *corev1.PersistentVolumeClaim) string {
	return moment(claim, v1alpha1.RestoredAnnotation)
}

// moment returns the time in an annotation, in the form KeepUntilLayout; empty if there
// is none that can be read. Two such times compare as strings do.
func moment(claim *corev1.PersistentVolumeClaim, annotation string) string {
	text := claim.Annotations[annotation]
	if _, err := time.Parse(v1alpha1.KeepUntilLayout, text); err != nil {
		return ""
	}
	return text
}

// attached reports whether a claim may hold work. Only a claim that records that no pod ran
// with it holds none.
func attached(claim *corev1.PersistentVolumeClaim) bool {
	return claim.Annotations[v1alpha1.AttachedAnnotation] != v1alpha1.NeverAttached
}
