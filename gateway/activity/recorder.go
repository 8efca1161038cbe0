package activity

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// +kubebuilder:rbac:groups=carrel.dev,resources=userlands,verbs=wake
// +kubebuilder:rbac:groups=carrel.dev,resources=userlands/status,verbs=patch

const (
	// fieldOwner is under which activity is written. All replicas share it, and
	// nothing else is written by it.
	fieldOwner = "carrel-gateway"
	// parts is how many writes there are at most while a carrel would fall asleep.
	parts = 4
	// stepOfSleepless is the least time between two writes of a carrel that never
	// falls asleep: for the class board.
	stepOfSleepless = 15 * time.Minute
	// flushEvery is how often it is looked at what is to be written.
	flushEvery = time.Second
	// perFlush bounds the writes of one replica at a time, but for those that wake:
	// with flushEvery and the two replicas of kustomize/gateway, 20 a second.
	perFlush = 10
	// wakeAgain is the least time between two writes that wake the same carrel.
	wakeAgain = 5 * time.Second
	// writeWithin bounds one write, lastWrites all those at the end.
	writeWithin = 5 * time.Second
	lastWrites  = 10 * time.Second
)

// Recorder writes Userland.status.lastActivityTime. New makes one.
type Recorder struct {
	client    client.Client
	directory *directory.Index
	clock     clock.WithTicker
	flights   singleflight.Group

	mu sync.Mutex
	// seen is when somebody last did something that is to be written, written when
	// that was last done by this replica.
	seen, written map[key]time.Time
}

type key struct{ course, name string }

func (k key) String() string { return k.course + "/" + k.name }

// New makes a Recorder. The client needs patch on userlands/status and the verb wake
// on userlands; a nil clock is the real one.
func New(c client.Client, d *directory.Index, k clock.WithTicker) *Recorder {
	if k == nil {
		k = clock.RealClock{}
	}
	return &Recorder{client: c, directory: d, clock: k, seen: map[key]time.Time{}, written: map[key]time.Time{}}
}

// Touch says that a person did something at a carrel. It never waits for anything
// long, and most often does nothing: the time is kept coarsely.
func (a *Recorder) Touch(of directory.Carrel) {
	// The carrel as it is now: a connection may have begun hours ago.
	c, found := a.directory.Carrel(of.Course, of.Name)
	now := a.clock.Now()
	if !found || !due(c, now) {
		return
	}
	k := key{c.Course, c.Name}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.written[k]) >= step(c) {
		a.seen[k] = now
	}
}

// step is the least time between two writes.
func step(c directory.Carrel) time.Duration {
	if c.IdleAfter == 0 {
		return stepOfSleepless
	}
	return c.IdleAfter / parts
}

// due reports whether the last activity that is known, by whichever replica, is so
// long ago that it is worth a write.
func due(c directory.Carrel, now time.Time) bool {
	return c.LastActivity == nil || now.Sub(*c.LastActivity) >= step(c)
}

// Wake says that somebody came to a carrel that sleeps, and returns once the API server
// knows. Many who come at once are one.
func (a *Recorder) Wake(ctx context.Context, c directory.Carrel) error {
	k := key{c.Course, c.Name}
	_, err, _ := a.flights.Do(k.String(), func() (any, error) {
		now := a.clock.Now()
		a.mu.Lock()
		last := a.written[k]
		a.mu.Unlock()
		if now.Sub(last) < wakeAgain {
			return nil, nil
		}
		// Others wait for it too, should the first give up.
		return nil, a.write(context.WithoutCancel(ctx), k, now)
	})
	return err
}

// Run writes what is seen, until the context ends, and then what is left.
func (a *Recorder) Run(ctx context.Context) error {
	ticker := a.clock.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C():
			a.Flush(ctx)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrites)
			defer cancel()
			a.flush(last, math.MaxInt)
			return nil
		}
	}
}

// Flush writes now what Run would, at its next look.
func (a *Recorder) Flush(ctx context.Context) { a.flush(ctx, perFlush) }

// flush writes what another replica has not written meanwhile, so much at most. What
// fails is tried again at the next.
func (a *Recorder) flush(ctx context.Context, most int) {
	for k, at := range a.take(a.clock.Now(), most) {
		if err := a.write(ctx, k, at); err != nil {
			a.putBack(k, at)
			log.FromContext(ctx).Error(err, "write when a carrel was last used", "course", k.course, "carrel", k.name)
		}
	}
}

// take is what is to be written now. It forgets what another replica wrote, and writes
// that hold nothing back any more.
func (a *Recorder) take(now time.Time, most int) map[key]time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	for k, at := range a.written {
		c, found := a.directory.Carrel(k.course, k.name)
		if !found || now.Sub(at) >= step(c) {
			delete(a.written, k)
		}
	}
	taken := map[key]time.Time{}
	for k, at := range a.seen {
		c, found := a.directory.Carrel(k.course, k.name)
		wanted := found && due(c, at)
		if wanted && len(taken) == most {
			continue
		}
		if wanted {
			taken[k] = at
		}
		delete(a.seen, k)
	}
	return taken
}

func (a *Recorder) putBack(k key, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.seen[k].Before(at) {
		a.seen[k] = at
	}
}

func (a *Recorder) write(ctx context.Context, k key, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	status := applyv1alpha1.UserlandStatus().WithLastActivityTime(metav1.NewTime(at))
	config := applyv1alpha1.Userland(k.name, k.course).WithStatus(status)
	err := a.client.Status().Apply(ctx, config, client.FieldOwner(fieldOwner), client.ForceOwnership)
	if err != nil && !a.settled(ctx, k, at, err) {
		return fmt.Errorf("write status.lastActivityTime of %s: %w", k, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.written[k].Before(at) {
		a.written[k] = at
	}
	return nil
}

// settled reports whether nothing is left to write: the carrel is gone, or another
// replica wrote a later time, which the policy userland-status.carrel.dev does not let
// go backwards.
func (a *Recorder) settled(ctx context.Context, k key, at time.Time, err error) bool {
	if !apierrors.IsInvalid(err) {
		return apierrors.IsNotFound(err)
	}
	u := &v1alpha1.Userland{}
	if err := a.client.Get(ctx, client.ObjectKey{Namespace: k.course, Name: k.name}, u); err != nil {
		return apierrors.IsNotFound(err)
	}
	return u.Status.LastActivityTime != nil && !u.Status.LastActivityTime.Time.Before(at.Truncate(time.Second))
}
