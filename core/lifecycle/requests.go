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
	if d.comes(asked.RestartAt, &handled.RestartAt, f.Now) {
		d.start = asked.RestartAt.Time
	}
	if d.comes(asked.ResetAt, &handled.ResetAt, f.Now) {
		d.reset, d.start = asked.ResetAt, latest(d.start, asked.ResetAt.Time)
	}
	d.comes(asked.StopAt, &handled.StopAt, f.Now)
	if handled.StopAt != nil {
		d.stop = handled.StopAt.Time
	}
	if handled != (v1alpha1.HandledRequests{}) {
		d.handled = &handled
	}
	return d
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
