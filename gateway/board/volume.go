package board

import (
	"cmp"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/page"
)

// VolumesOwner is the field owner of the requests for volumes.
const VolumesOwner = fieldOwner + "volumes"

// The values of the field until of the form that keeps a volume.
const (
	untilTermEnds = "term"
	untilHalfYear = "half"
	untilForever  = "forever"
)

// The actions on a volume, by the last part of the path.
const (
	keepAction  = "keep"
	letGoAction = "let-go"
)

// volumeView is the data of the templates with one volume that no carrel uses.
type volumeView struct {
	Volume keptVolume
	Course string
	Title  string
	Token  string
	// Operate is set if the visitor may send requests.
	Operate bool
	// Options are the later times until which the volume can be kept.
	Options []keepOption
	// Earliest is the earliest time at which the volume is deleted if it is let go now.
	Earliest time.Time
	Overdue  string
	Times    page.Times
}

// keepOption is a time until which a volume can be kept.
type keepOption struct {
	// Value is the value of the field until.
	Value string
	// Until is zero for ever.
	Until time.Time
}

// keepOptions returns the options that keep a volume for longer than now.
func keepOptions(course *v1alpha1.Course, k volume.Kept, times page.Times) []keepOption {
	if k.Forever() {
		return nil
	}
	var all []keepOption
	for _, option := range []keepOption{{untilTermEnds, termEnd(course, times.Zone)}, {untilHalfYear, times.Now.In(times.Zone).AddDate(0, 6, 0)}} {
		if option.Until.After(k.Until) && option.Until.After(times.Now) {
			all = append(all, option)
		}
	}
	return append(all, keepOption{Value: untilForever})
}

// termEnd returns the last second of the term; zero if the course has none.
func termEnd(course *v1alpha1.Course, zone *time.Location) time.Time {
	if course.Spec.Timetable == nil {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, string(course.Spec.Timetable.Term.LastDay))
	if err != nil {
		return time.Time{} // no last day, or the Course has the reason TimetableInvalid
	}
	return volume.EndOfDay(day, zone)
}

// keepUntil returns the value of the label that an option asks for.
func (o keepOption) keepUntil() string {
	if o.Until.IsZero() {
		return v1alpha1.KeepForever
	}
	return volume.Stamp(o.Until)
}

// volume answers with the page of a volume.
func (b *Board) volume(rw http.ResponseWriter, r *http.Request) {
	if id, v, _, ok := b.volumeView(rw, r); ok {
		b.page(rw, r, id, "volume", v.Times.Lang.Text("volume.title", "user", v.Volume.DisplayName()), v.Times, v)
	}
}

// farewell answers with the page on which staff confirm that a volume may go.
func (b *Board) farewell(rw http.ResponseWriter, r *http.Request) {
	id, v, _, ok := b.volumeView(rw, r)
	switch {
	case !ok:
	case !v.Operate:
		page.Problem(rw, r, http.StatusForbidden, "forbidden")
	default:
		b.page(rw, r, id, "farewell", v.Times.Lang.Text("farewell.title"), v.Times, v)
	}
}

// volumeView returns the volume that a request is about, for staff. It answers the
// request and returns false if the visitor may not see the volume, or it is not there.
func (b *Board) volumeView(rw http.ResponseWriter, r *http.Request) (auth.Identity, volumeView, *v1alpha1.Course, bool) {
	id, course, ok := b.viewer(rw, r)
	if !ok {
		return id, volumeView{}, nil, false
	}
	operate, err := b.Access.MayOperate(r.Context(), id, course.Name)
	if err != nil {
		unavailable(rw, r, err)
		return id, volumeView{}, nil, false
	}
	times := b.times(r, course)
	for _, k := range b.Directory.Kept(course.Name) {
		if k.Claim != r.PathValue("claim") {
			continue
		}
		return id, volumeView{
			Volume: keptOf(course, k, owners(b.snapshot(course.Name, 0).seats), times), Course: course.Name, Title: cmp.Or(course.Spec.Title, course.Name), Token: token(rw, r),
			Operate: operate, Options: keepOptions(course, k, times), Earliest: volume.EarliestDeletion(course.Status.Volumes, times.Now), Overdue: overdue(course), Times: times,
		}, course, true
	}
	page.Problem(rw, r, http.StatusNotFound, "novolume")
	return id, volumeView{}, nil, false
}

// actOnVolume serves the forms of a volume's page.
func (b *Board) actOnVolume(rw http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
	if !fromOurPage(r) {
		refuse(rw, r, http.StatusForbidden, "csrf")
		return
	}
	id, v, course, ok := b.volumeView(rw, r)
	if !ok {
		return
	}
	action := r.PathValue("action")
	keepUntil, note, ok := v.asks(action, r.PostFormValue("until"))
	switch {
	case action != keepAction && action != letGoAction:
		refuse(rw, r, http.StatusNotFound, "notfound")
		return
	case !v.Operate:
		refuse(rw, r, http.StatusForbidden, "forbidden")
		return
	case !ok:
		refuse(rw, r, http.StatusBadRequest, "badrequest")
		return
	case !b.allowsAsking(id.User):
		rw.Header().Set("Retry-After", "5")
		refuse(rw, r, http.StatusTooManyRequests, "toofast")
		return
	}
	now := b.clock().Now()
	if err := b.Volumes.Ask(r.Context(), course.Name, v.Volume.Claim, keepUntil, now, b.Directory.Kept(course.Name)); err != nil {
		b.explain(rw, r, err)
		return
	}
	// The request is written by now, so a failure to record it is only logged.
	if err := b.Audit.AskedOfCourse(r.Context(), course, id.User, action, note, now); err != nil {
		log.FromContext(r.Context()).Error(err, "record who asked", "user", id.User, "action", action)
	}
	if scripted(r) {
		rw.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(rw, r, v.Volume.Path, http.StatusSeeOther)
}

// asks returns the value of the label that an action asks for, and the note of the event.
// It returns false for a time that the page does not offer.
func (v volumeView) asks(action, until string) (keepUntil, note string, ok bool) {
	what := "volume claim " + v.Volume.Claim + " of " + v.Volume.User
	if action == letGoAction {
		return volume.Stamp(v.Times.Now), "asked to let go of " + what, true
	}
	for _, option := range v.Options {
		if option.Value == until {
			return option.keepUntil(), "asked to keep " + what + " until " + option.keepUntil(), true
		}
	}
	return "", "", false
}
