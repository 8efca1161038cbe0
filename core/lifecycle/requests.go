package lifecycle

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// due is what people asked for and what of it is to be done now.
type due struct {
	// start is the moment of a request, not honoured yet, that starts the carrel
	// anew; zero: none.
	start time.Time
	// stop is the moment of the last request to stop, honoured or not.
	stop time.Time
	// reset is the moment of a request, not honoured yet, for fresh volumes.
	reset *metav1.Time
	// handled is what to record once they are honoured.
	handled *v1alpha1.HandledRequests
	// next is when the next one is due; zero: never.
	next time.Time
}

func dueRequests(f PresenceFacts) due {
	asked, handled := ptr.Deref(f.Status.Requests, v1alpha1.Requests{}), ptr.Deref(f.Status.Handled, v1alpha1.HandledRequests{})
	var d due
	if f.Unmakeable {
		asked.RestartAt, asked.ResetAt = toCome(asked.RestartAt, f.Now), toCome(asked.ResetAt, f.Now)
	}
	if d.comes(asked.RestartAt, &handled.RestartAt, f.Now) {
		d.start = asked.RestartAt.Time
	}
	if d.comes(asked.ResetAt, &handled.ResetAt, f.Now) {
		d.reset, d.start = asked.ResetAt, latest(d.start, asked.ResetAt.Time)
	}
	if d.comes(asked.StopAt, &handled.StopAt, f.Now) {
		handled.AheadActivityTime = d.ahead(asked.StopAt, f)
	}
	if handled.StopAt != nil {
		d.stop = handled.StopAt.Time
	}
	if handled != (v1alpha1.HandledRequests{}) {
		d.handled = &handled
	}
	return d
}

// toCome returns a request that is for later; nil if it is due.
func toCome(asked *metav1.Time, now time.Time) *metav1.Time {
	if asked != nil && asked.After(now) {
		return asked
	}
	return nil
}

// promptly is how soon after a request to stop it is handled, if nothing is in the way.
// Activity that is reported later may be of somebody who came back.
const promptly = time.Minute

// ahead returns the activity that a clock which is ahead has reported before a request to
// stop; nil: none did.
func (d *due) ahead(stop *metav1.Time, f PresenceFacts) *metav1.Time {
	activity, until := f.Status.LastActivityTime, stop.Add(promptly)
	if activity == nil || !activity.After(f.Now) || !f.Now.Before(until) {
		return nil
	}
	// It is judged otherwise then, unless the stop has been carried out before.
	d.next = earlier(d.next, earlier(activity.Time, until))
	return activity
}

// comes reports whether a request is to be honoured now, and notes it as
// honoured; one that is for later is looked at then.
func (d *due) comes(asked *metav1.Time, honoured **metav1.Time, now time.Time) bool {
	switch {
	case asked == nil, *honoured != nil && !asked.After((*honoured).Time):
		return false
	case asked.After(now):
		d.next = earlier(d.next, asked.Time)
		return false
	default:
		*honoured = asked
		return true
	}
}
