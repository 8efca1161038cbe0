package reporter

import (
	"fmt"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/forge"
)

// Expiring describes the volumes that are to be deleted within a week. They are nobody's
// failure, so they change the words on a commit and never its state.
type Expiring struct {
	// Count is the number of volumes; 0 means that there is nothing to report.
	Count int32
	// From is the day of the first deletion, as "5 Dec"; empty if it is over and the
	// volumes stay, because something that must agree does not.
	From string
}

// expiringOf returns what the Course says, in its own time zone.
func expiringOf(course *v1alpha1.Course) Expiring {
	condition := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.WorkExpiringCondition)
	counts := course.Status.Volumes
	if condition == nil || condition.Status != "True" || counts == nil {
		return Expiring{}
	}
	e := Expiring{Count: counts.Expiring}
	if counts.Next != nil && condition.Reason != v1alpha1.UnconfirmedReason {
		e.From = counts.Next.In(timetable.ZoneOf(course)).Format("2 Jan")
	}
	return e
}

// day returns the end of the description that changes at most once a day.
func (e Expiring) day() string {
	if e.From == "" {
		return " date"
	}
	return " from " + e.From
}

// describe returns "; 2 volumes expire from 5 Dec", or "; 2 volumes are past their date".
func (e Expiring) describe() string {
	switch {
	case e.From == "" && e.Count == 1:
		return "; 1 volume is past its date"
	case e.From == "":
		return fmt.Sprintf("; %d volumes are past their date", e.Count)
	case e.Count == 1:
		return "; 1 volume expires from " + e.From
	}
	return fmt.Sprintf("; %d volumes expire from %s", e.Count, e.From)
}

// addTo adds the volumes to a verdict that is final, if there is room in its description.
// The description that was posted last stands while only the number has changed: a class
// that was dropped together is deleted one volume after the other.
func (e Expiring) addTo(found verdict, last *v1alpha1.ReportStatus) verdict {
	if e.Count == 0 || found.state == forge.Pending {
		return found
	}
	text := found.description + e.describe()
	if shorten(text) != text {
		return found
	}
	if last != nil {
		posted, extended := strings.CutPrefix(last.Description, found.description+"; ")
		if extended && !strings.Contains(posted, ";") && strings.HasSuffix(posted, e.day()) {
			text = last.Description
		}
	}
	found.description = text
	return found
}

// described matches what describe returns, at the end of a description.
var described = regexp.MustCompile(`; [0-9]+ volumes? (expires? from [0-9]+ [A-Z][a-z]+|(is past its|are past their) date)$`)
