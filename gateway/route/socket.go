package route

import (
	"context"
	"io"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/frame"
)

// reviewEvery is the time between two reviews of the open connections.
const reviewEvery = time.Minute

// newTunnel returns the tunnel of an upgraded connection whose carrel's end is given.
func (rt *Router) newTunnel(p *passage, end io.ReadWriteCloser) *tunnel {
	c := p.carrel
	t := &tunnel{
		ReadWriteCloser: end, visitor: p.visitor, login: p.login, course: c.Course, name: c.Name,
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

// Run calls Review every minute until the context ends.
func (rt *Router) Run(ctx context.Context) error {
	ticker := time.NewTicker(reviewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			rt.Review(ctx)
		}
	}
}

// Review closes the upgraded connections of visitors whose login is over, or who may no
// longer open the carrel. If the API server does not answer, the others stay open. Groups
// are believed for a time, so connections of staff end then, unless a page was opened
// since.
func (rt *Router) Review(ctx context.Context) {
	for _, t := range rt.tunnels.all() {
		if !t.login.Ends.IsZero() && !rt.Clock.Now().Before(t.login.Ends) {
			log.FromContext(ctx).Info("end a connection", "user", t.visitor.User, "course", t.course, "carrel", t.name, "reason", "the login is over")
			go t.end(frame.PolicyViolation, "your login is over: load the page again")
			continue
		}
		c, found := rt.Directory.Carrel(t.course, t.name)
		if !found {
			continue // the connection ends with the carrel
		}
		permission, err := rt.Access.MayOpen(ctx, t.visitor, t.course, t.name, c.User)
		if err == nil && permission.Staff && rt.isStale(t.login) {
			permission = access.Permission{Reason: "the groups of the login were not checked for long"}
		}
		if err == nil && !permission.Allowed {
			log.FromContext(ctx).Info("end a connection", "user", t.visitor.User, "course", t.course, "carrel", t.name, "reason", permission.Reason)
			go t.end(frame.PolicyViolation, "you may no longer open this carrel")
		}
	}
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
	open := rt.tunnels.all()
	for i, t := range open {
		time.AfterFunc(last/2*time.Duration(i)/time.Duration(len(open)), func() { t.end(frame.GoingAway, "the gateway is restarted: connect again") })
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	rt.tunnels.wait(ctx)
}
