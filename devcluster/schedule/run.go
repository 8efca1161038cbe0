package schedule

import (
	"context"
	"fmt"
)

// Work is what each job of a graph does, by name. A job without work is done at
// once: its result was there already.
type Work map[string]func(context.Context) error

// Run runs the graph to its end. When a job fails, the others' context ends, and
// Run returns the failure once they have stopped.
func Run(ctx context.Context, graph *Graph, work Work) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		job Job
		err error
	}
	results := make(chan result)
	var failure error
	for inFlight := 0; ; {
		if failure == nil && ctx.Err() == nil {
			for _, job := range graph.Start() {
				inFlight++
				go func() {
					var err error
					if do := work[job.Name]; do != nil {
						err = do(ctx)
					}
					results <- result{job, err}
				}()
			}
		}
		if inFlight == 0 {
			break
		}
		finished := <-results
		inFlight--
		graph.Done(finished.job)
		if finished.err != nil && failure == nil {
			failure = fmt.Errorf("%s: %w", finished.job.Name, finished.err)
			cancel(failure)
		}
	}
	if failure == nil {
		failure = context.Cause(ctx)
	}
	return failure
}
