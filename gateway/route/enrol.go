package route

import (
	"net/http"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// enrolling creates a carrel for a visitor who opens the board of a course with open
// enrolment and has no carrel there, and redirects them to it. Staff go to the board.
func (rt *Router) enrolling(board http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		course, isCourse := strings.CutPrefix(r.URL.Path, "/courses/")
		id, known := auth.FromContext(r.Context())
		_, there := rt.Directory.Course(course)
		if !known || !isCourse || !there || !page.WantsPage(r) || len(rt.carrelsOf(course, id.User)) > 0 {
			board.ServeHTTP(rw, r)
			return
		}
		if staff, err := rt.Access.MayViewBoard(r.Context(), id, course); err != nil || staff {
			board.ServeHTTP(rw, r) // asks again, and answers with the error
			return
		}
		if name, ok := rt.enrol(rw, r, id, course, board); ok {
			http.Redirect(rw, r, rt.Hosts.CarrelURL(course, name), http.StatusSeeOther)
		}
	})
}

// enrol creates a visitor's carrel, if the course admits them. Otherwise it answers the
// request and returns false; refused answers if the course does not admit them.
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

// carrelsOf returns a user's carrels in a course.
func (rt *Router) carrelsOf(course, user string) []directory.Carrel {
	var found []directory.Carrel
	for _, c := range rt.Directory.OfUser(user) {
		if c.Course == course {
			found = append(found, c)
		}
	}
	return found
}
