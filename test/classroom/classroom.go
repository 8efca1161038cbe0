// Package classroom gives the tests of the controllers a namespace of a real API
// server in which all controllers run, under the account and the rights that they
// have in a cluster. There is no kubelet: a test plays the cluster itself.
package classroom

import (
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// Classroom is a namespace of the real API server in which the controllers run.
type Classroom struct {
	*testing.T
	client.Client
	// Namespace is the name of the namespace and of its Course.
	Namespace string
	// Requests are those that the controllers made since Start.
	Requests *Requests
	// Clock is the one that the controllers use.
	Clock ShiftedClock
	// Stop kills the controllers.
	Stop func()
	// Paused stops what PlayCluster plays.
	Paused atomic.Bool
}

// ShiftedClock is the real clock, put forward by Advance.
type ShiftedClock struct{ offset atomic.Int64 }

// Advance puts the clock forward.
func (c *ShiftedClock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// Now returns the time.
func (c *ShiftedClock) Now() time.Time {
	return time.Now().Add(time.Duration(c.offset.Load()))
}

// Since returns the time since a moment.
func (c *ShiftedClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// Later puts the clock forward and restarts the controllers, so that they reconcile
// everything.
func (w *Classroom) Later(d time.Duration) {
	w.Helper()
	w.Clock.Advance(d)
	w.Stop()
	w.Start()
}

// New makes a namespace and starts the controllers.
func New(t *testing.T) *Classroom {
	t.Helper()
	c := apiserver.Client(t)
	Grant(t, c)
	// Tests see their own namespace only, and mostly wait.
	t.Parallel()
	w := &Classroom{T: t, Client: c, Namespace: apiserver.Namespace(t, c)}
	w.Start()
	return w
}
