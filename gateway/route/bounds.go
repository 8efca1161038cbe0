package route

import (
	"context"
	"net/http"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/conns"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/page"
)

// Bounds are the largest numbers of requests and WebSockets at the same time. 0 means no
// bound. A request for a WebSocket counts as a WebSocket, and not as a request.
type Bounds struct {
	// Requests bounds the requests of all visitors, UserRequests those of one user to
	// carrels and, again, to the desk, and CarrelRequests those to one carrel.
	Requests, UserRequests, CarrelRequests int
	// AddressRequests bounds the requests from one address whose visitors are not known
	// to be logged in.
	AddressRequests int
	// Sockets bounds the WebSockets of all visitors, UserSockets those of one user, and
	// CarrelSockets those to one carrel.
	Sockets, UserSockets, CarrelSockets int
}

// carrelConnections returns the largest number of connections to one carrel; 0 means no
// bound.
func (b Bounds) carrelConnections() int {
	if b.CarrelRequests == 0 || b.CarrelSockets == 0 {
		return 0
	}
	return b.CarrelRequests + b.CarrelSockets
}

// shortShare is how many requests or WebSockets a user may have while memory is short.
const shortShare = 8

// shares holds what requests hold at the same time.
type shares struct {
	all, addresses, users, desks, carrels *limit.Shares
	userSockets, carrelSockets            *limit.Shares
}

func newShares(b Bounds) shares {
	return shares{
		all: limit.NewShares(0, b.Requests), addresses: limit.NewShares(b.AddressRequests, 0),
		users: limit.NewShares(b.UserRequests, 0), desks: limit.NewShares(b.UserRequests, 0), carrels: limit.NewShares(b.CarrelRequests, 0),
		userSockets: limit.NewShares(b.UserSockets, b.Sockets), carrelSockets: limit.NewShares(b.CarrelSockets, 0),
	}
}

// claim holds the shares that one request has taken.
type claim struct {
	held  [3]heldShare
	count int
	// address is that of the visitor.
	address string
}

type heldShare struct {
	shares *limit.Shares
	name   string
}

func (c *claim) take(s *limit.Shares, name string) limit.Verdict {
	verdict := s.Take(name)
	if verdict == limit.Taken {
		c.held[c.count] = heldShare{s, name}
		c.count++
	}
	return verdict
}

// give gives back the shares that were taken after the first kept.
func (c *claim) give(kept int) {
	for c.count > kept {
		c.count--
		c.held[c.count].shares.Give(c.held[c.count].name)
	}
}

type claimKey struct{}

func claimOf(ctx context.Context) *claim { return ctx.Value(claimKey{}).(*claim) }

// bounded takes a share of the requests in all, and of those of the visitor's address until
// the visitor is known. It gives back whatever the request has taken when it ends.
func (rt *Router) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		c := &claim{address: rt.Address(r)}
		defer c.give(0)
		switch {
		case rt.shortage() == limit.Critical:
			rt.busy(rw, r, http.StatusServiceUnavailable, "busy", "memory")
		case isLarge(r):
			rt.tooLarge(rw, r)
		case c.take(rt.shares.all, "") != limit.Taken:
			rt.busy(rw, r, http.StatusServiceUnavailable, "busy", "requests")
		case c.take(rt.shares.addresses, limit.Network(c.address)) != limit.Taken:
			rt.busy(rw, r, http.StatusTooManyRequests, "addressshare", "address")
		default:
			next.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), claimKey{}, c)))
		}
	})
}

// known gives back the share of the address, since the visitor is known, and takes one of
// the user instead.
func (rt *Router) known(of *limit.Shares, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		id, ok := auth.FromContext(r.Context())
		if !ok {
			page.Problem(rw, r, http.StatusForbidden, "forbidden")
			return
		}
		if rt.takeUser(rw, r, of, id.User) {
			next.ServeHTTP(rw, r)
		}
	})
}

// takeUser takes the user's share. Otherwise it answers the request and returns false.
func (rt *Router) takeUser(rw http.ResponseWriter, r *http.Request, of *limit.Shares, user string) bool {
	c := claimOf(r.Context())
	if !conns.Known(r.Context(), user) {
		rw.Header().Set("Connection", "close")
		rt.busy(rw, r, http.StatusTooManyRequests, "usershare", "user-connections")
		return false
	}
	kept, bound := 1, "user-requests"
	if isUpgrade(r) {
		of, kept, bound = rt.shares.userSockets, 0, "user-sockets"
	}
	c.give(kept)
	if of.Held(user) >= shortShare && rt.shortage() != limit.Enough {
		rt.busy(rw, r, http.StatusServiceUnavailable, "busy", "memory")
		return false
	}
	switch c.take(of, user) {
	case limit.NameFull:
		rt.busy(rw, r, http.StatusTooManyRequests, "usershare", bound)
		return false
	case limit.AllFull:
		rt.busy(rw, r, http.StatusServiceUnavailable, "busy", "sockets")
		return false
	}
	return true
}

// takeCarrel takes the carrel's share. Otherwise it answers the request and returns false.
func (rt *Router) takeCarrel(rw http.ResponseWriter, r *http.Request, course, name string) bool {
	of, bound := rt.shares.carrels, "carrel-requests"
	if isUpgrade(r) {
		of, bound = rt.shares.carrelSockets, "carrel-sockets"
	}
	if claimOf(r.Context()).take(of, course+"/"+name) != limit.Taken {
		rt.busy(rw, r, http.StatusTooManyRequests, "carrelshare", bound)
		return false
	}
	return true
}

func (rt *Router) shortage() limit.Shortage {
	if rt.Memory == nil {
		return limit.Enough
	}
	return rt.Memory.Shortage()
}

// busy refuses a request that is over a bound, and counts it under the bound's name.
func (rt *Router) busy(rw http.ResponseWriter, r *http.Request, status int, problem, bound string) {
	rt.Metrics.Refused(bound)
	page.Busy(rw, r, status, problem, rt.ways())
}

// ways returns the address of the desk for the links of a refusal; "" if a visitor could do
// nothing there.
func (rt *Router) ways() string {
	if _, single := rt.Hosts.Single(); single {
		return ""
	}
	return rt.Hosts.DeskURL()
}
