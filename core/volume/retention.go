package volume

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// longestNotice is the time for which a deletion is announced, unless the volume is kept
// for less.
const longestNotice = 24 * time.Hour

// NextStep returns the next step towards the deletion of a promised volume, and when it
// is due. Since is when a controller began to watch the course without a break: an
// announcement counts from then. StepNone means that the volume is kept for ever, or
// that its label can't be read.
func NextStep(claim *corev1.PersistentVolumeClaim, since time.Time) (Step, time.Time) {
	label := claim.Labels[v1alpha1.KeepUntilLabel]
	until, err := ParseKeepUntil(label)
	if err != nil || until.IsZero() {
		return StepNone, time.Time{}
	}
	announced, at := announcement(claim)
	if announced != label {
		return StepAnnounce, until.Add(-notice(claim))
	}
	return StepRemove, later(until, later(at, since).Add(notice(claim)))
}

// goesAt returns when a promised volume is deleted if nothing objects; zero: never.
func goesAt(claim *corev1.PersistentVolumeClaim, since time.Time) time.Time {
	step, at := NextStep(claim, since)
	if step != StepAnnounce {
		return at
	}
	return later(at, since).Add(notice(claim))
}

// notice returns the time for which the deletion of a claim is announced: a day, or the
// time for which the volume is kept if that is less.
func notice(claim *corev1.PersistentVolumeClaim) time.Duration {
	kept, err := timetable.ParsePeriod(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return longestNotice
	}
	return min(longestNotice, kept)
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// KeepUntil returns the label of a claim that nobody uses from now on. A promise that
// can't be read is kept for ever: nothing is ever deleted early.
func KeepUntil(claim *corev1.PersistentVolumeClaim, now time.Time) string {
	kept, err := timetable.ParsePeriod(claim.Annotations[v1alpha1.RetainAnnotation])
	if err != nil {
		return v1alpha1.KeepForever
	}
	return stampAfter(now.Add(kept))
}

// Stamp returns a time in whole seconds, in a form that labels and names admit.
func Stamp(t time.Time) string { return t.UTC().Format(v1alpha1.KeepUntilLayout) }

// stampAfter returns the first stamp that is not before a time.
func stampAfter(t time.Time) string { return Stamp(CeilSecond(t)) }

// CeilSecond returns the first whole second that is not before a time.
func CeilSecond(t time.Time) time.Time { return t.Add(time.Second - 1).Truncate(time.Second) }

// announcedAt joins the label and the time of an announcement. An announcement is for
// one value of the label: when that is changed, the new one is announced too.
const announcedAt = " announced "

func announcement(claim *corev1.PersistentVolumeClaim) (label string, at time.Time) {
	label, told, found := strings.Cut(claim.Annotations[v1alpha1.AnnouncedAnnotation], announcedAt)
	at, err := time.Parse(v1alpha1.KeepUntilLayout, told)
	if !found || err != nil {
		return "", time.Time{}
	}
	return label, at
}

// Announce records on a claim that its deletion is announced now, in a watch; empty if the
// Course records the watch.
func Announce(claim *corev1.PersistentVolumeClaim, now time.Time, watch string) {
	claim.Annotations = merged(claim.Annotations, map[string]string{
		v1alpha1.AnnouncedAnnotation: claim.Labels[v1alpha1.KeepUntilLabel] + announcedAt + stampAfter(now),
	})
	delete(claim.Annotations, v1alpha1.AnnouncedInAnnotation)
	if watch != "" {
		claim.Annotations[v1alpha1.AnnouncedInAnnotation] = watch
	}
}

// TakeBack takes every mark of a promise off a claim.
func TakeBack(claim *corev1.PersistentVolumeClaim) {
	delete(claim.Labels, v1alpha1.KeepUntilLabel)
	delete(claim.Annotations, v1alpha1.AnnouncedAnnotation)
	delete(claim.Annotations, v1alpha1.AnnouncedInAnnotation)
	delete(claim.Annotations, v1alpha1.CondemnedAnnotation)
}
