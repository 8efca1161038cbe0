package route

import (
	"net/http"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// enrolling gives whoever comes to the address of a course with open enrolment, and
// has no carrel there, one; staff, who come for the board, do not get any.
func (rt *Router) enrolling(board http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		course, isCourse := strings.CutPrefix(r.URL.Path, "/courses/")
		id, known := auth.FromContext(r.Context())
		_, there := rt.Directory.Course(course)
		if !known || !isCourse || !there || !page.WantsPage(r) || len(rt.in(course, id.User)) > 0 {
			board.ServeHTTP(rw, r)
			return
		}
		if staff, err := rt.Access.MayViewBoard(r.Context(), id, course); err != nil || staff {
			board.ServeHTTP(rw, r) // which says what is wrong
			return
		}
		if name, ok := rt.enrol(rw, r, id, course, board); ok {
			http.Redirect(rw, r, rt.Hosts.CarrelURL(course, name), http.StatusSeeOther)
		}
	})
}

// enrol makes somebody's carrel, if the course lets them in. Without true it has
// answered, by refused if it does not.
func (rt *Router) enrol(rw http.ResponseWriter, r *http.Request, id auth.Identity, course string, refused http.Handler) (string, bool) {
	name, admitted, err := rt.Enrolment.Enrol(r.Context(), id, course)
	switch {
	case err != nil:
		log.FromContext(r.Context()).Error(err, "enrol a visitor")
		page.TryAgain(rw, r, "enrolment")
	case !admitted:
		refused.ServeHTTP(rw, r)
	default:
		log.FromContext(r.Context()).Info("enrolled", "user", id.User, "course", course, "carrel", name)
		return name, true
	}
	return "", false
}

// in are somebody's carrels in a course.
func (rt *Router) in(course, user string) []directory.Carrel {
	var found []directory.Carrel
	for _, c := range rt.Directory.Of(user) {
		if c.Course == course {
			found = append(found, c)
		}
	}
	return found
}
