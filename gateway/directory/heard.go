package directory

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// askEvery is the time between two questions by which a Directory finds that the API
	// server answers, and askWithin bounds one.
	askEvery  = 10 * time.Second
	askWithin = 5 * time.Second
	// silentFor is the time without an answer after which a replica asks for no more
	// visitors: another one may still hear the API server.
	silentFor = time.Minute
	// staleFor is the time without an answer after which the addresses are no longer
	// believed. A pod that was deleted gives its address to another one.
	staleFor = 15 * time.Minute
)

// heard is the time of the API server's last answer, in Unix nanoseconds; 0 means that it is not
// asked.
type heard struct{ at atomic.Int64 }

func (h *heard) hear(now time.Time) { h.at.Store(now.UnixNano()) }

func (h *heard) silent(now time.Time) time.Duration {
	at := h.at.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}

// Hear records that the API server answered.
func (x *Index) Hear(now time.Time) { x.heard.hear(now) }

// Stale reports whether the Index is too old to route by, because the API server did not
// answer for long. An Index that no Directory fills is never stale.
func (x *Index) Stale(now time.Time) bool { return x.heard.silent(now) >= staleFor }

var errSilent = errors.New("the API server has not answered for a minute, so carrels that have moved since are not known")

// Listen asks the API server whether it answers, until the context ends. Its watches come
// over the same connection, and end with it.
func (d *Directory) Listen(ctx context.Context, c client.Reader) error {
	ticker := time.NewTicker(askEvery)
	defer ticker.Stop()
	for {
		ask(ctx, c, d.Index)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

func ask(ctx context.Context, c client.Reader, x *Index) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if c.List(ctx, &v1alpha1.CourseList{}, client.Limit(1)) == nil {
		x.Hear(time.Now())
	}
}
