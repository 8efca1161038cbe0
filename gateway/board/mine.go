package board

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// mineView is one's own carrels for the template.
type mineView struct {
	User    string
	Carrels []own
	Times   page.Times
}

// own is one of them.
type own struct {
	Seat   Seat
	Course string
	Title  string
	Open   string
	Times  page.Times
}

// first brings whoever has one carrel to it, and staff without any to their class
// board; all others choose.
func (b *Board) first(rw http.ResponseWriter, r *http.Request) {
	id, ok := who(rw, r)
	if !ok {
		return
	}
	carrels := b.Directory.Of(id.User)
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

// mine shows somebody their own carrels.
func (b *Board) mine(rw http.ResponseWriter, r *http.Request) {
	id, ok := who(rw, r)
	if !ok {
		return
	}
	v := mineView{User: id.User, Times: b.times(r, nil)}
	for _, c := range b.Directory.Of(id.User) {
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

// boardsView are the boards somebody may see.
type boardsView struct {
	Courses []boardLink
	Times   page.Times
}

type boardLink struct {
	Name, Title string
	Counts      *v1alpha1.UserlandCounts
}

// boards lists the class boards somebody may see.
func (b *Board) boards(rw http.ResponseWriter, r *http.Request) {
	id, ok := who(rw, r)
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

// viewable are the boards somebody may see. Each course is one question to the API
// server, so it is not asked on the pages that every student sees.
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

// page shows one of the narrower pages.
func (b *Board) page(rw http.ResponseWriter, r *http.Request, id auth.Identity, template, title string, times page.Times, data any) {
	pages.Show(rw, r, page.Page{Template: template, Title: title, Class: "medium", User: named(id), Home: home, Times: times, Data: data})
}

// carrelView is one carrel and what may be asked of it.
type carrelView struct {
	Seat   Seat
	Course string
	Title  string
	Open   string
	Token  string
	// Own is set for its user, View for who may see the board, Operate for who
	// may ask things of it.
	Own, View, Operate bool
	Status             v1alpha1.UserlandStatus
	// Visit is the last by another; nil: none recorded.
	Visit *audit.Visit
	// Pending are the requests not honoured yet.
	Pending map[string]bool
	// KeptOn is set while it is kept running.
	KeptOn bool
	Times  page.Times
}

// carrel shows one carrel, to its user and to staff.
func (b *Board) carrel(rw http.ResponseWriter, r *http.Request) {
	id, ok := who(rw, r)
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
	if q := c.Userland.Status.Requests; q != nil && q.KeepUntil != nil {
		v.KeptOn = q.KeepUntil.After(v.Times.Now)
	}
	last, found, err := b.Audit.LastOpened(r.Context(), c.Userland)
	if err != nil {
		unavailable(rw, r, err)
		return
	}
	if found {
		v.Visit = &last
	}
	b.page(rw, r, id, "carrel", v.Times.Lang.Text("carrel.title", "user", v.Seat.Who()), v.Times, v)
}

// pending are the requests that the controller has not honoured yet.
func pending(s v1alpha1.UserlandStatus) map[string]bool {
	asked, handled := ptr.Deref(s.Requests, v1alpha1.Requests{}), ptr.Deref(s.Handled, v1alpha1.HandledRequests{})
	open := func(at, honoured *metav1.Time) bool { return at != nil && !at.Equal(honoured) }
	return map[string]bool{
		"restart": open(asked.RestartAt, handled.RestartAt),
		"stop":    open(asked.StopAt, handled.StopAt),
		"reset":   open(asked.ResetAt, handled.ResetAt),
	}
}

// rights are what somebody may with a carrel.
type rights struct{ own, view, operate bool }

// subject is the carrel a request is about, for somebody who may see it. Else it
// has answered.
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

// Hours are those a carrel may be kept running for from the page.
func (v carrelView) Hours() []int { return []int{1, 2, 4, 8, 24} }

// Until is when so many hours are over.
func (v carrelView) Until(hours int) string {
	return v.Times.At(v.Times.Now.Add(time.Duration(hours) * time.Hour))
}
