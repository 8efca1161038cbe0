package course

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// meeting is when the class meets, or why that is not known.
type meeting struct {
	session *v1alpha1.SessionStatus
	// again is when to say something else; 0: never.
	again time.Duration
	err   error
}

func (r *Reconciler) meet(c *v1alpha1.Course) meeting {
	table, err := r.Tables.Of(c)
	if table == nil {
		return meeting{err: err}
	}
	now := r.Clock.Now()
	text, until := table.Summary(now)
	m := meeting{session: &v1alpha1.SessionStatus{Text: text}}
	if !until.IsZero() {
		m.again = max(until.Sub(now), time.Millisecond)
	}
	return m
}
