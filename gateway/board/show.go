package board

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// homePath is the address of the visitor's own carrels.
const homePath = "/carrels"

// view is the data of the board's templates.
type view struct {
	Head     head
	Work     work
	Chart    chart
	Title    string
	Sections []section
	Filter   filter
	// Since is the id of the snapshot that the page shows.
	Since string
	Times page.Times
}

// seatView is the data of a seat's template.
type seatView struct {
	Course string
	Seat   Seat
	Times  page.Times
}

// SeatView returns the data of a seat's template.
func (v view) SeatView(s Seat) seatView { return seatView{v.Head.Course, s, v.Times} }

// show answers with the class board.
func (b *Board) show(rw http.ResponseWriter, r *http.Request) {
	id, course, ok := b.viewer(rw, r)
	if !ok {
		return
	}
	now := b.snapshot(course.Name, 0)
	times := b.times(r, course)
	v := view{
		Head: headOf(course, now.seats, times), Work: workOf(course, b.Directory.Kept(course.Name), now.seats, times), Chart: b.chart(course.Name, now.seats, times.Now), Title: cmp.Or(course.Spec.Title, course.Name),
		Filter: filterOf(r), Since: now.id(), Times: times,
	}
	v.Head.Filter = v.Filter
	v.Sections = sectionsOf(v.Filter.selected(now.seats))
	pages.Show(rw, r, page.Page{Template: "board", Title: v.Title, Class: "wide", User: displayName(id), Home: homePath, Times: times, Data: v})
}

// chart returns the timeline until now. The time is rounded down, so that the chart
// changes no more often than the running carrels are counted.
func (b *Board) chart(course string, seats []Seat, now time.Time) chart {
	running := 0
	for _, s := range seats {
		if s.State == v1alpha1.StateRunning {
			running++
		}
	}
	return chartOf(b.Timelines.of(course), running, now.Truncate(sampleEvery))
}

// viewer returns the visitor and the course, if the visitor may see the board of the
// course. Otherwise it answers the request and returns false. A student of the course is
// redirected to their own carrels.
func (b *Board) viewer(rw http.ResponseWriter, r *http.Request) (auth.Identity, *v1alpha1.Course, bool) {
	id, ok := visitor(rw, r)
	if !ok {
		return id, nil, false
	}
	course, found := b.Directory.Course(r.PathValue("course"))
	if !found {
		page.Problem(rw, r, http.StatusNotFound, "notfound")
		return id, nil, false
	}
	may, err := b.Access.MayViewBoard(r.Context(), id, course.Name)
	switch {
	case err != nil:
		unavailable(rw, r, err)
	case may:
		return id, course, true
	case page.WantsPage(r) && slices.ContainsFunc(b.Directory.OfUser(id.User), func(c directory.Carrel) bool { return c.Course == course.Name }):
		http.Redirect(rw, r, homePath, http.StatusSeeOther)
	default:
		page.Problem(rw, r, http.StatusForbidden, "forbidden")
	}
	return id, nil, false
}

func unavailable(rw http.ResponseWriter, r *http.Request, err error) {
	log.FromContext(r.Context()).Error(err, "answer a request of the class board")
	page.TryAgain(rw, r, "unavailable")
}

// displayName returns a visitor's name, or their login if the name is not known.
func displayName(id auth.Identity) string { return cmp.Or(id.Name, id.User) }
