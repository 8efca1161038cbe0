// Package route routes requests to the pages of the gateway's own host, or to a carrel. A
// request reaches a carrel after its visitor has logged in and has permission, and when the
// carrel answers.
package route

import (
	"cmp"
	"context"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/enrol"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// Router serves all hosts of the gateway. All fields but Rules, Clock, BodyWithin,
// Bounds and Memory must be set.
type Router struct {
	Hosts Hosts
	Login *auth.Desk
	// Board serves the gateway's own host to people who have logged in.
	Board     http.Handler
	Directory *directory.Index
	Access    *access.Authorizer
	Waiter    *wait.Waiter
	// Activity records the requests and frames that Rules counts as a person's.
	Activity  *activity.Recorder
	Rules     activity.Rules
	Visits    audit.Log
	Enrolment *enrol.Enroller
	Metrics   *observe.Metrics
	// Address returns the address of the visitor, which the program in a carrel is
	// given.
	Address func(*http.Request) string
	// Clock defaults to the real clock.
	Clock clock.PassiveClock
	// BodyWithin bounds how long a request's body may take if it goes to no carrel;
	// 0 means 10 s.
	BodyWithin time.Duration
	// SilentFor is the time after which a page of a carrel that says nothing is answered
	// by the gateway; 0 means 20 s.
	SilentFor time.Duration
	// Bounds bounds what is under way at the same time; the zero value bounds nothing.
	Bounds Bounds
	// Memory is asked before more is taken on; nil means that there is always enough.
	Memory *limit.Memory

	proxy   *httputil.ReverseProxy
	visited recent
	waking  waking
	tunnels set[*tunnel]
	streams set[*stream]
	shares  shares
	// draining ends, by drain, when the pages that listen are to disconnect.
	draining context.Context
	drain    context.CancelFunc
}

// Handler returns the handler of all hosts. It is called once.
func (rt *Router) Handler() http.Handler {
	if rt.Clock == nil {
		rt.Clock = clock.RealClock{}
	}
	rt.proxy = rt.newProxy()
	rt.draining, rt.drain = context.WithCancel(context.Background())
	login := rt.Login.Handler()
	rt.shares = newShares(rt.Bounds)
	desk := rt.Login.RequireLogin(rt.known(rt.shares.desks, rt.desk()))
	carrels := rt.Login.RequireCarrelLogin(rt.known(rt.shares.users, http.HandlerFunc(rt.carrel)))
	assets := page.Assets()
	return rt.bounded(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// The server reads the rest of a body before it answers.
			_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(cmp.Or(rt.BodyWithin, bodyWithin)))
		}
		switch {
		case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
			page.Refuse(rw, http.StatusMethodNotAllowed, "method", "this method is not served")
		case rt.Hosts.IsCarrel(r.Host):
			if page.IsAsset(r.URL.Path) {
				assets.ServeHTTP(rw, r)
				return
			}
			carrels.ServeHTTP(rw, r)
		case !rt.Hosts.IsDesk(r.Host):
			page.Problem(rw, r, http.StatusMisdirectedRequest, "nohost")
		case page.IsAsset(r.URL.Path):
			assets.ServeHTTP(rw, r)
		case isLogin(r.URL.Path):
			login.ServeHTTP(rw, r)
		default:
			desk.ServeHTTP(rw, r)
		}
	}))
}

// bodyWithin bounds the time for a body that goes to no carrel, which is a small form.
const bodyWithin = 10 * time.Second

// isLogin reports whether auth.Desk.Handler serves a path of the desk.
func isLogin(path string) bool {
	switch path {
	case "/login", "/logout", "/handover":
		return true
	}
	return strings.HasPrefix(path, "/callback/")
}

// desk returns the handler of the gateway's own host, for visitors who are logged in.
func (rt *Router) desk() http.Handler {
	if course, ok := rt.Hosts.Single(); ok {
		return rt.single(course)
	}
	return rt.untilDrain(rt.observed(rt.enrolling(rt.Board)))
}

// observed adds the visitor and the course to the log line and metrics of a request.
func (rt *Router) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		course, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/courses/"), "/")
		if _, there := rt.Directory.Course(course); !there {
			course = ""
		}
		id, _ := auth.FromContext(r.Context())
		observe.Note(r.Context(), id.User, course, "")
		next.ServeHTTP(rw, r)
	})
}

// untilDrain ends the requests of a handler when Drain begins, and when the login of the
// visitor ends. Pages that listen then connect to another replica, or learn that they may
// not.
func (rt *Router) untilDrain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		stop := context.AfterFunc(rt.draining, cancel) //nolint:contextcheck // the gateway's own context ends that of the request
		defer stop()
		id, _ := auth.FromContext(ctx)
		s := &stream{open{visitor: id, login: auth.LoginFromContext(ctx)}, cancel}
		rt.streams.add(s)
		defer rt.streams.remove(s)
		next.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// carrel serves the host of a carrel.
func (rt *Router) carrel(rw http.ResponseWriter, r *http.Request) {
	course, name, ok := rt.Hosts.Carrel(r.Host)
	id, known := auth.FromContext(r.Context())
	if !ok || !known {
		rt.forbid(rw, r)
		return
	}
	rt.open(rw, r, id, course, name) //nolint:contextcheck // It passes the context of r.
}

// open passes a request to a carrel, if the visitor may open it. The checks are in a
// function of their own, because they need stack, which a WebSocket would hold as long as
// it is open.
func (rt *Router) open(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) {
	if in := rt.admit(rw, r, id, course, name); in != nil {
		defer passageOf(in.Context()).end()
		rt.proxy.ServeHTTP(rw, in)
	}
}

// admit returns the request with a passage to the carrel, when the carrel is ready.
// Otherwise it answers the request and returns nil.
func (rt *Router) admit(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) *http.Request {
	cause := causeOf(r)
	if cause == foreign {
		page.Refuse(rw, http.StatusForbidden, "origin",
			"this request was caused by a page of another origin; a program sends the header Origin: https://"+r.Host)
		return nil
	}
	c, ok := rt.permitted(rw, r, id, course, name)
	if !ok {
		return nil
	}
	if cause == link && asks(r) {
		AskToFollow(rw, r)
		return nil
	}
	if !rt.takeCarrel(rw, r, c.Course, c.Name) {
		return nil
	}
	if strings.HasPrefix(r.URL.Path, page.Prefix) {
		rt.reserved(rw, r, c)
		return nil
	}
	if rt.Directory.Stale(rt.Clock.Now()) {
		// Another pod may have the address by now. What is open goes on.
		page.TryAgain(rw, r, "unavailable")
		return nil
	}
	if c.Target == "" {
		if c, ok = rt.wake(rw, r, c); !ok {
			return nil
		}
	}
	return rt.enter(rw, r, id, c)
}

// enter returns the request of an admitted visitor with a passage to the carrel.
func (rt *Router) enter(rw http.ResponseWriter, r *http.Request, id auth.Identity, c directory.Carrel) *http.Request {
	if rt.Rules.Counts(r) {
		rt.Activity.Touch(c)
	}
	if up := r.Header.Get("Upgrade"); up != "" && !strings.EqualFold(up, "websocket") {
		r.Header.Del("Upgrade") // the carrel answers in HTTP/1.1
	}
	if waited, ok := rt.waking.end(key{c.Course, c.Name}, rt.Clock.Now()); ok {
		rt.Metrics.Woken(c.Course, waited)
	}
	if r.ContentLength != 0 {
		_ = http.NewResponseController(rw).SetReadDeadline(time.Time{}) // an upload may take any time
	}
	p := &passage{carrel: c, visitor: id, login: auth.LoginFromContext(r.Context()), address: claimOf(r.Context()).address}
	ctx := r.Context()
	if page.WantsPage(r) {
		// A person sees nothing of a carrel that accepts the request and says nothing.
		ctx, p.cancel = context.WithCancelCause(ctx)
		p.silence = time.AfterFunc(cmp.Or(rt.SilentFor, silentFor), func() { p.cancel(errSilent) })
	}
	p.in = r.WithContext(context.WithValue(ctx, passageKey{}, p))
	return p.in
}

// permitted returns the carrel, if the visitor may open it. Otherwise it answers the
// request and returns false. To students the answer is the same for a carrel of another
// user and for one that does not exist.
func (rt *Router) permitted(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) (directory.Carrel, bool) {
	c, found := rt.Directory.Carrel(course, name)
	if !found {
		rt.notFound(rw, r, id, course)
		return c, false
	}
	permission, err := rt.Access.MayOpen(r.Context(), id, course, name, c.User)
	switch {
	case err != nil:
		log.FromContext(r.Context()).Error(err, "ask who may open a carrel")
		page.TryAgain(rw, r, "unavailable")
	case !permission.Allowed:
		log.FromContext(r.Context()).V(1).Info("refused", "user", id.User, "course", course, "carrel", name, "reason", permission.Reason)
		rt.forbid(rw, r)
	case permission.Staff && rt.isStale(auth.LoginFromContext(r.Context())):
		page.Problem(rw, r, http.StatusUnauthorized, "stale")
	case permission.Staff && !rt.record(rw, r, id, c):
	default:
		observe.Note(r.Context(), id.User, c.Course, c.Name)
		return c, true
	}
	return directory.Carrel{}, false
}

// isStale reports whether the groups of a login are no longer believed. The visitor must
// open a page, so that the login is checked again.
func (rt *Router) isStale(l auth.Login) bool {
	return !l.FreshUntil.IsZero() && !rt.Clock.Now().Before(l.FreshUntil)
}

// notFound answers for a carrel that does not exist. Only visitors who may view the board
// get 404. The question to the API server is the same for all carrels of a course, so
// made-up addresses cost one request.
func (rt *Router) notFound(rw http.ResponseWriter, r *http.Request, id auth.Identity, course string) {
	staff, err := false, error(nil)
	if _, there := rt.Directory.Course(course); there {
		staff, err = rt.Access.MayViewBoard(r.Context(), id, course)
	}
	switch {
	case err != nil:
		log.FromContext(r.Context()).Error(err, "ask who may see a class")
		page.TryAgain(rw, r, "unavailable")
	case staff:
		page.Problem(rw, r, http.StatusNotFound, "notfound")
	default:
		rt.forbid(rw, r)
	}
}

// forbid answers that a carrel is not the visitor's. It deletes the login cookie of the
// carrel's origin, so that a visitor who logs in at the desk as another user and reloads
// the page gets in.
func (rt *Router) forbid(rw http.ResponseWriter, r *http.Request) {
	if page.WantsPage(r) {
		auth.ForgetHere(rw)
	}
	page.ProblemWithWays(rw, r, http.StatusForbidden, "forbidden", rt.ways())
}

// reserved serves the paths on a carrel's host that the gateway reserves for itself.
func (rt *Router) reserved(rw http.ResponseWriter, r *http.Request, c directory.Carrel) {
	if r.URL.Path == auth.NoticePath {
		rt.serveNotice(rw, r, c)
		return
	}
	if r.URL.Path != wait.EventsPath {
		page.Problem(rw, r, http.StatusNotFound, "notfound")
		return
	}
	rt.untilDrain(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rt.Waiter.Events(rw, r, c.Course, c.Name, rt.Activity.Touch)
	})).ServeHTTP(rw, r)
}

// wake starts a carrel that does not answer, and holds the request until it is ready. It
// returns the carrel as it is then. Otherwise it answers the request and returns false.
func (rt *Router) wake(rw http.ResponseWriter, r *http.Request, c directory.Carrel) (directory.Carrel, bool) {
	// An open page that tries to reconnect again and again must not wake the carrel.
	if c.Enabled && rt.Rules.Counts(r) {
		rt.waking.begin(key{c.Course, c.Name}, rt.Clock.Now())
		if err := rt.recordComing(r.Context(), c); err != nil {
			log.FromContext(r.Context()).Error(err, "wake a carrel", "course", c.Course, "carrel", c.Name)
		}
	}
	if !rt.Waiter.Hold(rw, r, c.Course, c.Name) {
		return directory.Carrel{}, false
	}
	// The roster may have given the carrel to another user by now.
	now, found := rt.Directory.Carrel(c.Course, c.Name)
	if !found || now.Target == "" || now.User != c.User {
		rw.Header().Set("Retry-After", "3")
		page.Problem(rw, r, http.StatusServiceUnavailable, "noanswer")
		return directory.Carrel{}, false
	}
	return now, true
}

// recordComing records that a visitor came to a carrel that does not answer. This wakes a
// carrel that is asleep.
func (rt *Router) recordComing(ctx context.Context, c directory.Carrel) error {
	if c.State == v1alpha1.StateAsleep {
		return rt.Activity.Wake(ctx, c)
	}
	rt.Activity.Touch(c) // the carrel is starting already
	return nil
}
