package route

import (
	"cmp"
	"context"
	"io"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// reviewEvery is the time between two reviews of the open connections.
const reviewEvery = time.Minute

// newTunnel returns the tunnel of an upgraded connection whose carrel's end is given.
func (rt *Router) newTunnel(p *passage, end io.ReadWriteCloser) *tunnel {
	c := p.carrel
	t := &tunnel{
		ReadWriteCloser: end, open: open{p.visitor, p.login, c.Course, c.Name},
		sent: rt.Rules.Frames(func() { rt.Activity.Touch(c) }),
	}
	t.done = func() {
		rt.tunnels.remove(t)
		rt.Metrics.Closed(c.Course)
	}
	rt.tunnels.add(t)
	rt.Metrics.Opened(c.Course)
	return t
}

// Run calls Review every minute until the context ends, and ends what is open of a login
// as soon as its user has ended it.
func (rt *Router) Run(ctx context.Context) error {
	ticker := time.NewTicker(reviewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-rt.Login.Logouts():
			rt.close(ctx, func(o open) string { return rt.over(o) })
		case <-ticker.C:
			rt.Review(ctx)
		}
	}
}

// Review closes the connections, and ends the answers, of visitors whose login is over, or
// who may no longer open the carrel. If the API server does not answer, the others stay
// open. Groups are believed for a time, so connections of staff end then, unless a page was
// opened since.
func (rt *Router) Review(ctx context.Context) {
	rt.close(ctx, func(o open) string { return cmp.Or(rt.over(o), rt.forbidden(ctx, o)) })
}

// close closes what is open for a reason that a function returns; "" means none.
func (rt *Router) close(ctx context.Context, why func(open) string) {
	for _, t := range rt.tunnels.list() {
		if reason := why(t.open); reason != "" {
			logEnd(ctx, t.open, reason)
			go t.end(frame.PolicyViolation, reason+": load the page again")
		}
	}
	for _, s := range rt.streams.list() {
		if reason := why(s.open); reason != "" {
			logEnd(ctx, s.open, reason)
			s.end()
		}
	}
}

func logEnd(ctx context.Context, o open, reason string) {
	log.FromContext(ctx).Info("end a connection", "user", o.visitor.User, "course", o.course, "carrel", o.name, "reason", reason)
}

// over returns why a login has ended; "" if it has not.
func (rt *Router) over(o open) string {
	switch {
	case rt.Login.LoggedOut(o.visitor.User, o.login):
		return "you have logged out"
	case !o.login.Ends.IsZero() && !rt.Clock.Now().Before(o.login.Ends):
		return "your login is over"
	}
	return ""
}

// forbidden returns why a visitor may not open a carrel any more; "" if they may, and if
// it is not known.
func (rt *Router) forbidden(ctx context.Context, o open) string {
	c, found := rt.Directory.Carrel(o.course, o.name)
	if !found {
		return "" // the connection ends with the carrel
	}
	permission, err := rt.Access.MayOpen(ctx, o.visitor, o.course, o.name, c.User)
	switch {
	case err != nil:
		return ""
	case !permission.Allowed:
		return "you may no longer open this carrel"
	case permission.Staff && rt.isStale(o.login):
		return "your groups were not checked for long"
	}
	return ""
}

// Drain ends long-lived requests before the gateway stops. It first ends the pages that
// listen, which reconnect to another replica. It then waits for the connections to carrels
// until the context ends, and closes the rest with a Close frame. It returns when all are
// closed, or a duration of last after the context ended.
func (rt *Router) Drain(ctx context.Context, last time.Duration) {
	rt.drain()
	if rt.tunnels.wait(ctx) {
		return
	}
	// All at one instant would also connect again at one instant.
	left := rt.tunnels.list()
	for i, t := range left {
		time.AfterFunc(last/2*time.Duration(i)/time.Duration(len(left)), func() { t.end(frame.GoingAway, "the gateway is restarted: connect again") })
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	rt.tunnels.wait(ctx)
}
