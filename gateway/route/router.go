// Package route brings whoever comes to the gateway to where they want to be: the
// pages of its own host, or a carrel, once it is known who they are, that they may,
// and that the carrel answers.
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
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// Router serves all hosts of the gateway. All fields but Rules, Clock and BodyWithin
// must be set.
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
	// 0 means a minute.
	BodyWithin time.Duration

	proxy   *httputil.ReverseProxy
	visited recent
	waking  waking
	tunnels tunnels
	// draining is done when connections that last are to end.
	draining context.Context
	drain    context.CancelFunc
}

// Handler is the whole gateway.
func (rt *Router) Handler() http.Handler {
	if rt.Clock == nil {
		rt.Clock = clock.RealClock{}
	}
	rt.proxy = rt.newProxy()
	rt.draining, rt.drain = context.WithCancel(context.Background())
	login := rt.Login.Handler()
	desk := rt.Login.RequireLogin(rt.desk())
	carrels := rt.Login.RequireCarrelLogin(http.HandlerFunc(rt.carrel))
	assets := page.Assets()
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			// The server reads what is left of it before it answers.
			_ = http.NewResponseController(rw).SetReadDeadline(time.Now().Add(cmp.Or(rt.BodyWithin, time.Minute)))
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
	})
}

// isLogin reports whether a path of the desk is one of auth.Desk.Handler.
func isLogin(path string) bool {
	switch path {
	case "/login", "/logout", "/handover":
		return true
	}
	return strings.HasPrefix(path, "/callback/")
}

// desk is what the gateway's own host serves to whoever is logged in.
func (rt *Router) desk() http.Handler {
	if course, ok := rt.Hosts.Single(); ok {
		return rt.single(course)
	}
	return rt.lasting(rt.noted(rt.enrolling(rt.Board)))
}

// noted tells who asks, and about which course.
func (rt *Router) noted(next http.Handler) http.Handler {
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

// lasting ends answers that go on when the gateway is about to stop: the page asks
// again, and comes to another replica.
func (rt *Router) lasting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		stop := context.AfterFunc(rt.draining, cancel) //nolint:contextcheck // the gateway's own, which ends others
		defer stop()
		next.ServeHTTP(rw, r.WithContext(ctx))
	})
}

// carrel serves a carrel's host.
func (rt *Router) carrel(rw http.ResponseWriter, r *http.Request) {
	course, name, ok := rt.Hosts.Carrel(r.Host)
	id, known := auth.FromContext(r.Context())
	if !ok || !known {
		page.Problem(rw, r, http.StatusForbidden, "forbidden")
		return
	}
	rt.open(rw, r, id, course, name)
}

// open brings a visitor into a carrel, if they may. What is asked before needs stack,
// which a WebSocket would hold as long as it is open; so it is no part of this.
func (rt *Router) open(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) {
	if in := rt.admit(rw, r, id, course, name); in != nil {
		rt.proxy.ServeHTTP(rw, in)
	}
}

// admit makes of a request one with a passage to the carrel that it is for; nil if it
// has answered.
func (rt *Router) admit(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) *http.Request {
	if !own(r) {
		page.Refuse(rw, http.StatusForbidden, "origin",
			"this request was caused by a page of another origin; a program sends the header Origin: https://"+r.Host)
		return nil
	}
	c, may := rt.may(rw, r, id, course, name)
	if !may {
		return nil
	}
	if strings.HasPrefix(r.URL.Path, page.Prefix) {
		rt.wait(rw, r, c)
		return nil
	}
	if c.Target == "" {
		if c, may = rt.wake(rw, r, c); !may {
			return nil
		}
	}
	if rt.Rules.Counts(r) {
		rt.Activity.Touch(c)
	}
	if up := r.Header.Get("Upgrade"); up != "" && !strings.EqualFold(up, "websocket") {
		r.Header.Del("Upgrade") // the carrel goes on in HTTP/1.1
	}
	if waited, ok := rt.waking.end(key{c.Course, c.Name}, rt.Clock.Now()); ok {
		rt.Metrics.Woken(c.Course, waited)
	}
	if r.ContentLength != 0 {
		_ = http.NewResponseController(rw).SetReadDeadline(time.Time{}) // an upload takes as long as it takes
	}
	p := &passage{carrel: c, who: id, address: rt.Address(r)}
	p.in = r.WithContext(context.WithValue(r.Context(), passageKey{}, p))
	return p.in
}

// may finds the carrel, if the visitor may open it; else it has answered. A carrel
// there is not, is not told from one that is another's.
func (rt *Router) may(rw http.ResponseWriter, r *http.Request, id auth.Identity, course, name string) (directory.Carrel, bool) {
	c, found := rt.Directory.Carrel(course, name)
	if !found {
		rt.nowhere(rw, r, id, course)
		return c, false
	}
	decision, err := rt.Access.MayOpen(r.Context(), id, course, name, c.User)
	switch {
	case err != nil:
		log.FromContext(r.Context()).Error(err, "ask who may open a carrel")
		page.TryAgain(rw, r, "unavailable")
	case !decision.Allowed:
		log.FromContext(r.Context()).V(1).Info("refused", "user", id.User, "course", course, "carrel", name, "reason", decision.Reason)
		refuse(rw, r)
	case decision.Staff && !rt.record(rw, r, id, c):
	default:
		observe.Note(r.Context(), id.User, c.Course, c.Name)
		return c, true
	}
	return directory.Carrel{}, false
}

// nowhere answers for a carrel there is not. Only who sees the class is told so, and
// the API server is asked once for all addresses that somebody makes up.
func (rt *Router) nowhere(rw http.ResponseWriter, r *http.Request, id auth.Identity, course string) {
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
		refuse(rw, r)
	}
}

// refuse tells somebody that a carrel is not theirs. Who logs in at the desk as another,
// and loads the page again, is asked anew who they are.
func refuse(rw http.ResponseWriter, r *http.Request) {
	if page.WantsPage(r) {
		auth.ForgetHere(rw)
	}
	page.Problem(rw, r, http.StatusForbidden, "forbidden")
}

// wait serves the gateway's own paths on a carrel's host.
func (rt *Router) wait(rw http.ResponseWriter, r *http.Request, c directory.Carrel) {
	if r.URL.Path != wait.EventsPath {
		page.Problem(rw, r, http.StatusNotFound, "notfound")
		return
	}
	// Who is not seen for long leaves the queue.
	if c.State == v1alpha1.StateQueued {
		rt.Activity.Touch(c)
	}
	rt.lasting(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rt.Waiter.Events(rw, r, c.Course, c.Name)
	})).ServeHTTP(rw, r)
}

// wake asks for a carrel that does not answer, and holds the visitor. Without true it
// has answered.
func (rt *Router) wake(rw http.ResponseWriter, r *http.Request, c directory.Carrel) (directory.Carrel, bool) {
	// A page left open that tries to connect again and again wakes nobody.
	if c.Enabled && rt.Rules.Counts(r) {
		rt.waking.begin(key{c.Course, c.Name}, rt.Clock.Now())
		if err := rt.rouse(r.Context(), c); err != nil {
			log.FromContext(r.Context()).Error(err, "wake a carrel", "course", c.Course, "carrel", c.Name)
		}
	}
	if !rt.Waiter.Hold(rw, r, c.Course, c.Name) {
		return directory.Carrel{}, false
	}
	// It may have been given to another meanwhile.
	now, found := rt.Directory.Carrel(c.Course, c.Name)
	if !found || now.Target == "" || now.User != c.User {
		rw.Header().Set("Retry-After", "3")
		page.Problem(rw, r, http.StatusServiceUnavailable, "noanswer")
		return directory.Carrel{}, false
	}
	return now, true
}

// rouse says that somebody came to a carrel that does not answer.
func (rt *Router) rouse(ctx context.Context, c directory.Carrel) error {
	if c.State == v1alpha1.StateAsleep {
		return rt.Activity.Wake(ctx, c)
	}
	rt.Activity.Touch(c) // it comes already
	return nil
}
