package board

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// mineView is the data of the template with the visitor's own carrels.
type mineView struct {
	User    string
	Carrels []own
	Times   page.Times
}

// own is a carrel in mineView.
type own struct {
	Seat   Seat
	Course string
	Title  string
	Open   string
	Times  page.Times
}

// home redirects a visitor with one carrel to it, and staff without a carrel to their
// class board. Others get a page to choose from.
func (b *Board) home(rw http.ResponseWriter, r *http.Request) {
	id, ok := visitor(rw, r)
	if !ok {
		return
	}
	carrels := b.Directory.OfUser(id.User)
	switch len(carrels) {
	case 0:
		b.firstBoard(rw, r, id)
	case 1:
		http.Redirect(rw, r, b.CarrelURL(carrels[0].Course, carrels[0].Name), http.StatusSeeOther)
	default:
		b.mine(rw, r)
	}
}

func (b *Board) firstBoard(rw http.ResponseWriter, r *http.Request, id auth.Identity) {
	boards, err := b.viewable(r.Context(), id)
	switch {
	case err != nil:
		unavailable(rw, r, err)
	case len(boards) == 0:
		b.mine(rw, r)
	case len(boards) == 1:
		http.Redirect(rw, r, "/courses/"+boards[0].Name, http.StatusSeeOther)
	default:
		b.boards(rw, r)
	}
}

// mine answers with the page of the visitor's own carrels.
func (b *Board) mine(rw http.ResponseWriter, r *http.Request) {
	id, ok := visitor(rw, r)
	if !ok {
		return
	}
	v := mineView{User: id.User, Times: b.times(r, nil)}
	for _, c := range b.Directory.OfUser(id.User) {
		course, _ := b.Directory.Course(c.Course)
		v.Carrels = append(v.Carrels, own{
			Seat: seatOf(c), Course: c.Course, Title: titled(course, c.Course), Open: b.CarrelURL(c.Course, c.Name), Times: b.times(r, course),
		})
	}
	slices.SortFunc(v.Carrels, func(a, b own) int {
		return cmp.Or(strings.Compare(a.Course, b.Course), strings.Compare(a.Seat.Name, b.Seat.Name))
	})
	b.page(rw, r, id, "mine", v.Times.Lang.Text("mine.title"), v.Times, v)
}

// boardsView is the data of the template with the class boards.
type boardsView struct {
	Courses []boardLink
	Times   page.Times
}

type boardLink struct {
	Name, Title string
	Counts      *v1alpha1.UserlandCounts
}

// boards answers with the page of the class boards that the visitor may see.
func (b *Board) boards(rw http.ResponseWriter, r *http.Request) {
	id, ok := visitor(rw, r)
	if !ok {
		return
	}
	courses, err := b.viewable(r.Context(), id)
	if err != nil {
		unavailable(rw, r, err)
		return
	}
	v := boardsView{Courses: courses, Times: b.times(r, nil)}
	b.page(rw, r, id, "boards", v.Times.Lang.Text("mine.boards"), v.Times, v)
}

// viewable returns the boards that a visitor may see. It asks the API server about each
// course, so it is not called for the pages that every student opens.
func (b *Board) viewable(ctx context.Context, id auth.Identity) ([]boardLink, error) {
	var found []boardLink
	for _, course := range b.Directory.Courses() {
		may, err := b.Access.MayViewBoard(ctx, id, course.Name)
		if err != nil {
			return nil, err
		}
		if may {
			found = append(found, boardLink{course.Name, titled(course, course.Name), course.Status.Userlands})
		}
	}
	slices.SortFunc(found, func(a, b boardLink) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func titled(course *v1alpha1.Course, name string) string {
	if course == nil {
		return name
	}
	return cmp.Or(course.Spec.Title, name)
}

// page answers with one of the narrower pages.
func (b *Board) page(rw http.ResponseWriter, r *http.Request, id auth.Identity, template, title string, times page.Times, data any) {
	pages.Show(rw, r, page.Page{Template: template, Title: title, Class: "medium", User: displayName(id), Home: homePath, Times: times, Data: data})
}

// carrelView is the data of the template with one carrel.
type carrelView struct {
	Seat   Seat
	Course string
	Title  string
	Open   string
	Token  string
	// Own is set if the visitor is the carrel's user, View if they may see the board, and
	// Operate if they may send requests to the carrel.
	Own, View, Operate bool
	Status             v1alpha1.UserlandStatus
	// Visit is the last visit of another person; nil if none is recorded.
	Visit *audit.Visit
	// VisitUnknown is set if the API server did not say.
	VisitUnknown bool
	// Pending holds the requests that the controller has not handled yet.
	Pending map[string]bool
	// Ended describes how the carrel last ended by itself. It is nil if it never did.
	Ended *page.Ended
	// KeptOn is set while the carrel is kept running on request.
	KeptOn bool
	Times  page.Times
}

// carrel answers with the page of one carrel, for its user and for staff.
func (b *Board) carrel(rw http.ResponseWriter, r *http.Request) {
	id, ok := visitor(rw, r)
	if !ok {
		return
	}
	c, rights, ok := b.subject(rw, r, id)
	if !ok {
		return
	}
	course, _ := b.Directory.Course(c.Course)
	v := carrelView{
		Seat: seatOf(c), Course: c.Course, Title: titled(course, c.Course), Open: b.CarrelURL(c.Course, c.Name), Token: token(rw, r),
		Own: rights.own, View: rights.view, Operate: rights.operate, Status: c.Userland.Status,
		Pending: pending(c.Userland.Status), Times: b.times(r, course),
	}
	v.Ended = page.EndedOf(v.Status.LastEnd, v.Times, v.Own || v.Operate)
	if q := c.Userland.Status.Requests; q != nil && q.KeepUntil != nil {
		v.KeptOn = q.KeepUntil.After(v.Times.Now)
	}
	last, found, err := b.lastVisit(r.Context(), c)
	if err != nil {
		// The page has "I need help" and the restart on it, so it is shown without this.
		log.FromContext(r.Context()).Error(err, "find the last visit", "course", c.Course, "carrel", c.Name)
		v.VisitUnknown = true
	}
	if found {
		v.Visit = &last
	}
	b.page(rw, r, id, "carrel", v.Times.Lang.Text("carrel.title", "user", v.Seat.DisplayName()), v.Times, v)
}

const (
	// visitFor is the time for which the last visit of a carrel is not asked for again, so
	// that reloading the page is no load for the API server.
	visitFor = 10 * time.Second
	// maxVisits bounds how many carrels' visits are remembered.
	maxVisits = 2000
)

// knownVisit is what the API server last said about a carrel.
type knownVisit struct {
	last  audit.Visit
	found bool
}

// lastVisit returns the last visit of another person in a carrel; false if there is none.
func (b *Board) lastVisit(ctx context.Context, c directory.Carrel) (audit.Visit, bool, error) {
	b.visitsOnce.Do(func() { b.visits = cache.NewLRUExpireCacheWithClock(maxVisits, b.clock()) })
	if known, found := b.visits.Get(c.Userland.UID); found {
		v := known.(knownVisit)
		return v.last, v.found, nil
	}
	last, found, err := b.Audit.LastOpened(ctx, c.Userland)
	if err == nil {
		b.visits.Add(c.Userland.UID, knownVisit{last, found}, visitFor)
	}
	return last, found, err
}

// pending returns the requests that the controller has not handled yet.
func pending(s v1alpha1.UserlandStatus) map[string]bool {
	asked, handled := ptr.Deref(s.Requests, v1alpha1.Requests{}), ptr.Deref(s.Handled, v1alpha1.HandledRequests{})
	open := func(at, honoured *metav1.Time) bool { return at != nil && !at.Equal(honoured) }
	return map[string]bool{
		"restart": open(asked.RestartAt, handled.RestartAt),
		"stop":    open(asked.StopAt, handled.StopAt),
		"reset":   open(asked.ResetAt, handled.ResetAt),
	}
}

// rights of a visitor for a carrel: see carrelView.
type rights struct{ own, view, operate bool }

// subject returns the carrel that a request is about, and the visitor's rights. It
// answers the request and returns false if the visitor may not see the carrel.
func (b *Board) subject(rw http.ResponseWriter, r *http.Request, id auth.Identity) (directory.Carrel, rights, bool) {
	c, found := b.Directory.Carrel(r.PathValue("course"), r.PathValue("carrel"))
	course := r.PathValue("course")
	if _, exists := b.Directory.Course(course); !exists {
		page.Problem(rw, r, http.StatusNotFound, "notfound")
		return c, rights{}, false
	}
	has := rights{own: found && owns(id, c)}
	var err error
	if has.view, err = b.Access.MayViewBoard(r.Context(), id, course); err == nil && has.view {
		has.operate, err = b.Access.MayOperate(r.Context(), id, course)
	}
	if err != nil && has.own {
		// Without an answer the owner is no staff, and keeps an owner's rights.
		log.FromContext(r.Context()).Error(err, "ask who is staff", "course", course)
		has, err = rights{own: true}, nil
	}
	switch {
	case err != nil:
		unavailable(rw, r, err)
	case !has.own && !has.view:
		page.Problem(rw, r, http.StatusForbidden, "forbidden")
	case !found:
		page.Problem(rw, r, http.StatusNotFound, "notfound")
	default:
		return c, has, true
	}
	return c, has, false
}

// Hours returns the numbers of hours to choose from for keeping a carrel running.
func (v carrelView) Hours() []int { return []int{1, 2, 4, 8, 24} }

// Until returns the time after a number of hours.
func (v carrelView) Until(hours int) string {
	return v.Times.At(v.Times.Now.Add(time.Duration(hours) * time.Hour))
}
