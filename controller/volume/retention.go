package volume

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/period"
)

// notice is how long a deletion is announced before, or for as long as the
// volume is kept if that is less.
const notice = 24 * time.Hour

// A step is what is to happen next to a volume nobody uses.
type step int

const (
	// never: it is kept for ever, or for as long as nobody can tell.
	never step = iota
	announce
	remove
)

// due is the next step and when it is to be taken.
func due(claim *corev1.PersistentVolumeClaim) (step, time.Time) {
	label := claim.Labels[v1alpha1.KeepUntilLabel]
	until, err := time.Parse(v1alpha1.KeepUntilLayout, label)
	if err != nil {
		return never, time.Time{}
	}
	before := min(notice, retained(claim))
	announced, at := announcement(claim)
	if announced != label {
		return announce, until.Add(-before)
	}
	if told := at.Add(before); told.After(until) {
		return remove, told
	}
	return remove, until
}

// retained is how long the claim is kept; longer than any notice if that is for
// ever, or can't be read.
func retained(claim *corev1.PersistentVolumeClaim) time.Duration {
	kept, err := period.Parse(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return 2 * notice
	}
	return kept
}

// keepUntil is the label of a claim that nobody uses from now on. A promise that
// can't be read is kept for ever: nothing is ever deleted early.
func keepUntil(claim *corev1.PersistentVolumeClaim, now time.Time) string {
	kept, err := period.Parse(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return v1alpha1.KeepForever
	}
	return stampAfter(now.Add(kept))
}

// stamp is a moment in whole seconds, as labels and names admit it; stampAfter is
// the first one that is not before it.
func stamp(t time.Time) string { return t.UTC().Format(v1alpha1.KeepUntilLayout) }

func stampAfter(t time.Time) string { return stamp(t.Add(time.Second - 1)) }

// An announcement is for one value of the label: when that is changed, the new
// one is announced too.
const announcedAt = " announced "

func announcement(claim *corev1.PersistentVolumeClaim) (label string, at time.Time) {
	label, told, found := strings.Cut(claim.Annotations[v1alpha1.AnnouncedAnnotation], announcedAt)
	at, err := time.Parse(v1alpha1.KeepUntilLayout, told)
	if !found || err != nil {
		return "", time.Time{}
	}
	return label, at
}

func announcing(claim *corev1.PersistentVolumeClaim, now time.Time) string {
	return claim.Labels[v1alpha1.KeepUntilLabel] + announcedAt + stampAfter(now)
}
