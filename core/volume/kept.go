package volume

import (
	"cmp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

// Soon is the time before its deletion from which a volume counts as expiring.
const Soon = 7 * 24 * time.Hour

// Kept describes a volume that no carrel uses. It is kept for a promised time, or, if it
// was never used, until a person lets it go. Kept values are comparable.
type Kept struct {
	// Claim is the name of the PersistentVolumeClaim. User is the login of the owner, and
	// empty if none is recorded.
	Claim, User string
	// Volume is the name of the volume in the Template, and Template the one for which it
	// was last used; empty if they are not recorded.
	Volume, Template string
	// Size is the requested size, such as 2Gi.
	Size string
	// Until is the time until which the volume is kept; zero means for ever.
	Until time.Time
	// Since is the time since which no carrel uses the volume; zero means that it is not
	// known, because a person has changed Until.
	Since time.Time
	// Handled is the time of the request that was handled last; zero means none.
	Handled time.Time
	// NeverUsed is set if no pod ever ran with the volume and it has no date.
	NeverUsed bool
}

// KeptOf reads a claim. It returns false if the claim has no date, because a carrel uses
// it, or because nobody has decided whose it is.
func KeptOf(claim *corev1.PersistentVolumeClaim) (Kept, bool) {
	label, dated := claim.Labels[v1alpha1.KeepUntilLabel]
	if !dated {
		return Kept{}, false
	}
	k := described(claim)
	k.Until, _ = ParseKeepUntil(label) // a volume is never deleted by a label that can't be read
	retain, err := timetable.ParsePeriod(claim.Annotations[v1alpha1.RetainAnnotation])
	if err == nil && !k.Forever() && k.Handled.IsZero() {
		k.Since = k.Until.Add(-retain)
	}
	return k, true
}

// described returns what a claim records, without the times of its promise.
func described(claim *corev1.PersistentVolumeClaim) Kept {
	size := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	k := Kept{
		Claim: claim.Name, User: claim.Annotations[v1alpha1.UserAnnotation],
		Volume: claim.Annotations[v1alpha1.VolumeAnnotation], Template: claim.Annotations[v1alpha1.ClaimTemplateAnnotation], Size: size.String(),
	}
	k.Handled, _ = time.Parse(time.RFC3339, claim.Annotations[v1alpha1.HandledRequestAnnotation]) // zero if there is none
	return k
}

// ParseKeepUntil parses a value of KeepUntilLabel. Zero means for ever.
func ParseKeepUntil(value string) (time.Time, error) {
	if value == v1alpha1.KeepForever {
		return time.Time{}, nil
	}
	return time.Parse(v1alpha1.KeepUntilLayout, value)
}

// Forever reports whether the volume is never deleted.
func (k Kept) Forever() bool { return k.Until.IsZero() }

// Expires reports whether the volume is to be deleted within a week.
func (k Kept) Expires(now time.Time) bool { return !k.Forever() && k.Until.Before(now.Add(Soon)) }

// Compare orders volumes by the time until which they are kept, then by user and name.
func (k Kept) Compare(other Kept) int {
	switch {
	case k.Forever() != other.Forever():
		return map[bool]int{true: 1, false: -1}[k.Forever()]
	case !k.Until.Equal(other.Until):
		return k.Until.Compare(other.Until)
	}
	return cmp.Or(strings.Compare(k.User, other.User), strings.Compare(k.Claim, other.Claim))
}

// Settles reports whether a request for the volume needs nothing more.
func (k Kept) Settles(r v1alpha1.VolumeRequest) bool { return !k.Handled.Before(r.At.Time) }

// Asked returns the request for the volume that is not handled yet; false if there is
// none.
func (k Kept) Asked(requests *v1alpha1.CourseRequests) (v1alpha1.VolumeRequest, bool) {
	if requests == nil {
		return v1alpha1.VolumeRequest{}, false
	}
	for _, r := range requests.Volumes {
		if r.Claim == k.Claim && !k.Settles(r) {
			return r, true
		}
	}
	return v1alpha1.VolumeRequest{}, false
}

// EarliestDeletion returns the earliest time at which a volume that is let go now is
// deleted: its deletion is announced for a day, during which a controller watches the
// course.
func EarliestDeletion(status *v1alpha1.VolumeStatus, now time.Time) time.Time {
	if status != nil && status.WatchedSince != nil && status.WatchedSince.After(now) {
		now = status.WatchedSince.Time
	}
	return now.Add(longestNotice)
}

// EndOfDay returns the last second of a day, of which only the date counts, in a time
// zone.
func EndOfDay(day time.Time, zone *time.Location) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, -1, 0, zone)
}
