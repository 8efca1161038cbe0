package cluster

import (
	"context"
	"sync"
)

// results keeps the paths that jobs running side by side come up with.
type results struct {
	mu sync.Mutex
	of map[string]string
}

// keep makes a job of a function that returns a path.
func (r *results) keep(job string, do func(context.Context) (string, error)) func(context.Context) error {
	return func(ctx context.Context) error {
		path, err := do(ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.of == nil {
			r.of = map[string]string{}
		}
		r.of[job] = path
		return err
	}
}
