package route

import (
	"context"
	"io"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// lookAgain is how often it is asked anew whether those with a connection that lasts
// may still have it.
const lookAgain = time.Minute

func (rt *Router) newTunnel(p *passage, end io.ReadWriteCloser) *tunnel {
	c := p.carrel
	t := &tunnel{
		ReadWriteCloser: end, who: p.who, course: c.Course, name: c.Name,
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

// Run asks from time to time whether those with a connection may still have it, until
// the context ends.
func (rt *Router) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookAgain)
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

// Review ends the connections of those who may no longer. Without an answer of the
// API server they stay.
func (rt *Router) Review(ctx context.Context) {
	for _, t := range rt.tunnels.all() {
		c, found := rt.Directory.Carrel(t.course, t.name)
		if !found {
			continue // the carrel ends, and the connection with it
		}
		decision, err := rt.Access.MayOpen(ctx, t.who, t.course, t.name, c.User)
		if err == nil && !decision.Allowed {
			log.FromContext(ctx).Info("end a connection", "user", t.who.User, "course", t.course, "carrel", t.name, "reason", decision.Reason)
			go t.end(frame.PolicyViolation, "you may no longer open this carrel")
		}
	}
}

// Drain ends what lasts, before the gateway stops: first the pages that listen, which
// come to another replica at once; then, when the context ends, the connections of
// carrels, each with a Close frame that says so. It returns when all are gone, or
// after the last moment.
func (rt *Router) Drain(ctx context.Context, last time.Duration) {
	rt.drain()
	if rt.tunnels.wait(ctx) {
		return
	}
	for _, t := range rt.tunnels.all() {
		go t.end(frame.GoingAway, "the gateway is restarted: connect again")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
	defer cancel()
	rt.tunnels.wait(ctx)
}
