package reporter

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/forge"
)

// posts counts what became of each post. Neither label names a course or a person.
var posts = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "carrel_reporter_posts_total",
	Help: "Commit statuses sent to a forge, by the type of the forge and what became of them.",
}, []string{"forge", "result"})

func init() { metrics.Registry.MustRegister(posts) }

// counted is a client whose posts are counted.
type counted struct {
	forge.Client
	// forge is the type of the Flux Provider.
	forge string
}

func (c counted) Post(ctx context.Context, commit string, status forge.Status) error {
	err := c.Client.Post(ctx, commit, status)
	posts.WithLabelValues(c.forge, resultOf(err)).Inc()
	return err
}

// resultOf is the value of the label "result".
func resultOf(err error) string {
	var unavailable *forge.UnavailableError
	switch {
	case err == nil:
		return "posted"
	case errors.Is(err, forge.ErrUnauthorized):
		return "unauthorized"
	case errors.Is(err, forge.ErrNotFound):
		return "not_found"
	case errors.As(err, &unavailable):
		return "unavailable"
	}
	return "refused"
}
