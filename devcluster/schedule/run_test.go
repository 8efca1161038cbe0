package schedule

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func newGraph(t *testing.T, jobs ...Job) *Graph {
	t.Helper()
	graph, err := NewGraph(jobs)
	if err != nil {
		t.Fatal(err)
	}
	return graph
}

func TestAJobBeginsWhenThoseBeforeItAreDone(t *testing.T) {
	fetched := make(chan struct{})
	err := Run(t.Context(), newGraph(t, Job{Name: "build", After: []string{"fetch", "there already"}}, Job{Name: "fetch"}, Job{Name: "there already"}), Work{
		"fetch": func(context.Context) error { close(fetched); return nil },
		"build": func(context.Context) error {
			select {
			case <-fetched:
				return nil
			default:
				return errors.New("began too early")
			}
		},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAFailureStopsTheOthersAndIsNamed(t *testing.T) {
	failure := errors.New("no space left")
	stopped := false
	err := Run(t.Context(), newGraph(t, Job{Name: "slow"}, Job{Name: "failing"}, Job{Name: "next", After: []string{"failing"}}), Work{
		"slow":    func(ctx context.Context) error { <-ctx.Done(); stopped = true; return context.Cause(ctx) },
		"failing": func(context.Context) error { return failure },
		"next":    func(context.Context) error { return errors.New("began although the job before it failed") },
	})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "failing") {
		t.Errorf("got %v, want the failure with the job's name", err)
	}
	if !stopped {
		t.Error("Run returned before the other job had stopped")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := Run(ctx, newGraph(t, Job{Name: "endless"}), Work{
		"endless": func(ctx context.Context) error { <-ctx.Done(); return nil },
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's end", err)
	}
}
