package board

import (
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/gateway/page"
)

// maxKeptRows bounds the volumes that the board lists. `carrel volumes` lists all.
const maxKeptRows = 200

// work is the data of the board's section about the volumes that no carrel uses.
type work struct {
	Course string
	// Kept holds the volumes to show, those to be deleted first first. Total is the
	// number of all, and Expiring of those to be deleted within a week, from First on.
	Kept            []keptVolume
	Total, Expiring int
	First           time.Time
	// Undecided holds the seats whose volumes a person must choose.
	Undecided []Seat
	// Overdue says why volumes stay beyond their time; empty if none does.
	Overdue string
	Times   page.Times
}

// keptVolume is a volume that no carrel uses, as the board shows it.
type keptVolume struct {
	volume.Kept
	// Person is the owner's name for people; empty if it is not known. Here is set while
	// the owner has a carrel in the course: until they leave, nothing of theirs is deleted.
	Person string
	Here   bool
	// Asked is the request that is not handled yet; nil if there is none.
	Asked *v1alpha1.VolumeRequest
	// Path is the address of the volume's page.
	Path  string
	times page.Times
}

// workOf returns the section's data, of the volumes in the order of Kept.Compare.
func workOf(course *v1alpha1.Course, kept []volume.Kept, seats []Seat, times page.Times) work {
	w := work{Course: course.Name, Total: len(kept), Overdue: overdue(course), Times: times}
	for _, s := range seats {
		if s.Reason == v1alpha1.VolumeUndecidedReason {
			w.Undecided = append(w.Undecided, s)
		}
	}
	here := owners(seats)
	for i, k := range kept {
		v := keptOf(course, k, here, times)
		if v.Expiring() {
			if w.Expiring == 0 {
				w.First = v.Until
			}
			w.Expiring++
		}
		if i < maxKeptRows {
			w.Kept = append(w.Kept, v)
		}
	}
	return w
}

// owners returns a seat of each user by the login, in lower case.
func owners(seats []Seat) map[string]Seat {
	all := make(map[string]Seat, len(seats))
	for _, s := range seats {
		all[roster.Person(s.User)] = s
	}
	return all
}

func keptOf(course *v1alpha1.Course, k volume.Kept, here map[string]Seat, times page.Times) keptVolume {
	v := keptVolume{Kept: k, Path: "/courses/" + course.Name + "/volumes/" + url.PathEscape(k.Claim), times: times}
	if s, found := here[roster.Person(k.User)]; found && k.User != "" {
		v.Person, v.Here = s.Person, true
	}
	if asked, waits := k.Asked(course.Status.Requests); waits {
		v.Asked = &asked
	}
	return v
}

// More returns the number of volumes that are not shown.
func (w work) More() int { return w.Total - len(w.Kept) }

// Empty reports whether there is nothing to show.
func (w work) Empty() bool { return w.Total == 0 && len(w.Undecided) == 0 }

// DisplayName returns the owner's name, or their login, or the name of the claim.
func (v keptVolume) DisplayName() string {
	for _, name := range []string{v.Person, v.User} {
		if name != "" {
			return name
		}
	}
	return v.Claim
}

// Login returns the login if DisplayName is not the login already; else empty.
func (v keptVolume) Login() string {
	if v.Person == "" {
		return ""
	}
	return v.User
}

// Expiring reports whether the volume is to be deleted within a week.
func (v keptVolume) Expiring() bool { return !v.Here && v.Expires(v.times.Now) }

// Left describes the time until the deletion, as "deleted in 5 days".
func (v keptVolume) Left() string {
	if !v.Until.After(v.times.Now) {
		return v.times.Lang.Text("work.due")
	}
	return v.times.Lang.Text("work.in", "span", v.times.Span(v.Until.Sub(v.times.Now)))
}

// KeptUntil describes how long the volume is kept.
func (v keptVolume) KeptUntil() string { return untilText(v.times, v.Kept) }

// AskedFor describes the request that is not handled yet. Asked must not be nil.
func (v keptVolume) AskedFor() string {
	asked, err := volume.ParseKeepUntil(v.Asked.KeepUntil)
	if err == nil && !asked.IsZero() && !asked.After(v.Asked.At.Time) {
		return v.times.Lang.Text("work.letgo")
	}
	return untilText(v.times, volume.Kept{Until: asked})
}

func untilText(times page.Times, k volume.Kept) string {
	if k.Forever() {
		return times.Lang.Text("work.forever")
	}
	return times.Lang.Text("work.until", "until", times.At(k.Until))
}

// overdue returns why volumes stay beyond their time, in the controller's words; empty if
// none does.
func overdue(course *v1alpha1.Course) string {
	c := meta.FindStatusCondition(course.Status.Conditions, v1alpha1.WorkExpiringCondition)
	if c == nil || c.Reason != v1alpha1.UnconfirmedReason {
		return ""
	}
	return c.Message
}
