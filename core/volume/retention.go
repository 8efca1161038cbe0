package volume

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// notice is how long a deletion is announced before, or for as long as the
// volume is kept if that is less.
const notice = 24 * time.Hour

// A Step is what is to happen next to a volume nobody uses.
type Step int

const (
	// StepNone leaves the volume: it is kept for ever, or for as long as nobody can tell.
	StepNone Step = iota
	// StepAnnounce announces the deletion.
	StepAnnounce
	// StepRemove deletes the volume.
	StepRemove
)

// NextStep returns the next step and when it is to be taken.
func NextStep(claim *corev1.PersistentVolumeClaim) (Step, time.Time) {
	label := claim.Labels[v1alpha1.KeepUntilLabel]
	until, err := time.Parse(v1alpha1.KeepUntilLayout, label)
	if err != nil {
		return StepNone, time.Time{}
	}
	before := min(notice, retained(claim))
	announced, at := announcement(claim)
	if announced != label {
		return StepAnnounce, until.Add(-before)
	}
	if told := at.Add(before); told.After(until) {
		return StepRemove, told
	}
	return StepRemove, until
}

// retained is how long the claim is kept; longer than any notice if that is for
// ever, or can't be read.
func retained(claim *corev1.PersistentVolumeClaim) time.Duration {
	kept, err := timetable.ParsePeriod(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return 2 * notice
	}
	return kept
}

// KeepUntil is the label of a claim that nobody uses from now on. A promise that
// can't be read is kept for ever: nothing is ever deleted early.
func KeepUntil(claim *corev1.PersistentVolumeClaim, now time.Time) string {
	kept, err := timetable.ParsePeriod(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return v1alpha1.KeepForever
	}
	return stampAfter(now.Add(kept))
}

// Stamp is a moment in whole seconds, as labels and names admit it; stampAfter is
// the first one that is not before it.
func Stamp(t time.Time) string { return t.UTC().Format(v1alpha1.KeepUntilLayout) }

func stampAfter(t time.Time) string { return Stamp(t.Add(time.Second - 1)) }

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

// AnnouncementFor returns the annotation that records an announcement made now.
func AnnouncementFor(claim *corev1.PersistentVolumeClaim, now time.Time) string {
	return claim.Labels[v1alpha1.KeepUntilLabel] + announcedAt + stampAfter(now)
}
