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
	// fieldOwner is the field owner of lastActivityTime. All replicas share it, and it
	// owns nothing else.
	fieldOwner = "carrel-gateway"
	// parts is the largest number of writes in the time after which an unused carrel
	// falls asleep.
	parts = 4
	// stepOfSleepless is the least time between two writes for a carrel that never
	// falls asleep. Its activity is only shown on the class board.
	stepOfSleepless = 15 * time.Minute
	flushEvery      = time.Second
	// perFlush bounds the writes in one flush of one replica. With flushEvery and the
	// two replicas of kustomize/gateway this makes 20 a second. Writes that wake a
	// carrel do not count.
	perFlush = 10
	// wakeAgain is the least time between two writes that wake the same carrel.
	wakeAgain = 5 * time.Second
	// writeTimeout bounds one write, and lastWrites all writes at the end of Run.
	writeTimeout = 5 * time.Second
	lastWrites   = 10 * time.Second
)

// Recorder writes Userland.status.lastActivityTime. New makes one.
type Recorder struct {
	client    client.Client
	directory *directory.Index
	clock     clock.WithTicker
	flights   singleflight.Group

	mu sync.Mutex
	// seen holds the times of activity that are still to be written.
	seen map[key]time.Time
	// written holds the times that this replica wrote last.
	written map[key]time.Time
}

type key struct{ course, name string }

func (k key) String() string { return k.course + "/" + k.name }

// New returns a Recorder. The client needs patch on userlands/status and the verb wake
// on userlands. A nil clock means the real one.
func New(c client.Client, d *directory.Index, k clock.WithTicker) *Recorder {
	if k == nil {
		k = clock.RealClock{}
	}
	return &Recorder{client: c, directory: d, clock: k, seen: map[key]time.Time{}, written: map[key]time.Time{}}
}

// Touch records that a person used a carrel. Run writes it later. Touch does not block,
// and usually does nothing, since the time is kept coarsely.
func (a *Recorder) Touch(of directory.Carrel) {
	// A connection may have begun hours ago, so its carrel is looked up again.
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

// step returns the least time between two writes for a carrel.
func step(c directory.Carrel) time.Duration {
	if c.IdleAfter == 0 {
		return stepOfSleepless
	}
	return c.IdleAfter / parts
}

// due reports whether the activity that any replica wrote last is old enough for
// another write.
func due(c directory.Carrel, now time.Time) bool {
	return c.LastActivity == nil || now.Sub(*c.LastActivity) >= step(c)
}

// Wake records that a person came to a carrel that is asleep, and returns when this is
// written. Calls for one carrel within wakeAgain share one write.
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
		// The write does not end with ctx, because other requests wait for it.
		return nil, a.write(context.WithoutCancel(ctx), k, now)
	})
	return err
}

// Run writes recorded activity until the context ends, and then everything that is
// left.
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

// Flush writes recorded activity now, at most as much as Run writes in a second.
func (a *Recorder) Flush(ctx context.Context) { a.flush(ctx, perFlush) }

// flush writes at most so many recorded times. It leaves out those of which another
// replica wrote a later one. The next flush retries writes that failed.
func (a *Recorder) flush(ctx context.Context, most int) {
	for k, at := range a.take(a.clock.Now(), most) {
		if err := a.write(ctx, k, at); err != nil {
			a.putBack(k, at)
			log.FromContext(ctx).Error(err, "write the activity of a carrel", "course", k.course, "carrel", k.name)
		}
	}
}

// take removes and returns the times to write now, at most so many. It also drops times
// that another replica made needless, and entries of written that are too old to delay
// a write.
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
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
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

// settled reports whether a failed write is needless: the carrel is gone, or another
// replica wrote a later time. The policy userland-status.carrel.dev refuses times that
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
