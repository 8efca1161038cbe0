package check

import (
	"runtime"

	"golang.org/x/sync/errgroup"
)

// concurrently calls do for 0 to n-1, as many at a time as there are processors, and
// waits for all.
func concurrently(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error { do(i); return nil })
	}
	_ = group.Wait() // do returns no error
}
