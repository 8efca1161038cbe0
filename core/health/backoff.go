package health

import "time"

// Backoff returns how long to wait before a write is tried again that has failed
// so often before: longer after each failure, and never longer than RetryLast.
func (p Problem) Backoff(failures int) time.Duration {
	wait := p.Retry
	if p.Cause == Unavailable {
		wait = RetryFirst
	}
	for range failures {
		if wait *= 2; wait >= RetryLast {
			return RetryLast
		}
	}
	return wait
}
