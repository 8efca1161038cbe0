package main

import (
	"context"
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// leaseServer is an API server with one Lease and a clock.
type leaseServer struct {
	coordinationclient.LeaseInterface
	now   time.Time
	lease *coordinationv1.Lease
	// lost is the number of the write, counted from now, whose answer is lost; 0: none is.
	lost int
}

func (s *leaseServer) Leases(string) coordinationclient.LeaseInterface { return s }

func (s *leaseServer) Get(context.Context, string, metav1.GetOptions) (*coordinationv1.Lease, error) {
	if s.lease == nil {
		return nil, apierrors.NewNotFound(coordinationv1.Resource("leases"), "carrel-controller")
	}
	return s.lease.DeepCopy(), nil
}

func (s *leaseServer) Create(_ context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return s.store(lease)
}

func (s *leaseServer) Update(_ context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	if len(o.DryRun) > 0 {
		return s.stamp(lease), nil
	}
	return s.store(lease)
}

func (s *leaseServer) stamp(lease *coordinationv1.Lease) *coordinationv1.Lease {
	stamped := lease.DeepCopy()
	at := metav1.NewTime(s.now.Truncate(time.Second))
	stamped.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: "somebody", Time: &metav1.Time{Time: at.Add(90 * 24 * time.Hour)}, FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{}}`)},
		{Manager: "carrel-controller", Time: &at, FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:renewTime":{}}}`)},
	}
	return stamped
}

func (s *leaseServer) store(lease *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	s.lease = s.stamp(lease)
	if s.lost--; s.lost == 0 {
		return nil, errors.New("the answer is lost")
	}
	return s.lease.DeepCopy(), nil
}

// candidate is a process that may lead.
type candidate struct {
	*watch
	lock resourcelock.LeaseLock
}

func (s *leaseServer) candidate(name string) *candidate {
	w := newWatch()
	return &candidate{watch: w, lock: resourcelock.LeaseLock{
		Client:     &watchedLeases{LeasesGetter: s, watch: w, identity: name},
		LockConfig: resourcelock.ResourceLockConfig{Identity: name},
	}}
}

// take reads the Lease and takes it, as the leader election does.
func (c *candidate) take(t *testing.T, now time.Time) {
	t.Helper()
	record := resourcelock.LeaderElectionRecord{HolderIdentity: c.lock.Identity(), RenewTime: metav1.NewTime(now)}
	_, _, err := c.lock.Get(t.Context())
	if apierrors.IsNotFound(err) {
		err = c.lock.Create(t.Context(), record)
	} else if err == nil {
		err = c.lock.Update(t.Context(), record)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// renew writes the Lease; an empty holder releases it.
func (c *candidate) renew(t *testing.T, now time.Time, holder string) {
	t.Helper()
	if err := c.lock.Update(t.Context(), resourcelock.LeaderElectionRecord{HolderIdentity: holder, RenewTime: metav1.NewTime(now)}); err != nil {
		t.Fatal(err)
	}
}

func TestWatchOfTheNextProcess(t *testing.T) {
	start := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	const days = 24 * time.Hour
	for _, test := range []struct {
		name string
		// gap is the time without a process. The others are by how much clocks are ahead:
		// those of the first and of the second process, and that of the API server, then
		// and after the gap.
		gap                         time.Duration
		first, second, then, server time.Duration
		// edit changes the Lease in the gap; nil: nobody changes it.
		edit func(*leaseServer)
		want bool
	}{
		{name: "a restart", gap: time.Minute, want: true},
		{name: "a release and a restart", gap: time.Minute, edit: func(s *leaseServer) { s.lease.Spec.HolderIdentity = nil }, want: true},
		{name: "an outage", gap: 10 * days},
		{name: "an outage that the second process's clock hides", gap: 10 * days, second: -10 * days},
		{name: "an outage that the first process's clock hides", gap: 10 * days, first: 10 * days},
		{name: "an outage that the API server's clock hides", gap: 10 * days, server: -10 * days},
		{name: "an outage that two clocks hide", gap: 10 * days, first: 10 * days, server: -10 * days},
		{name: "the Lease was deleted", gap: time.Minute, edit: func(s *leaseServer) { s.lease = nil }},
		{name: "the Lease of an earlier version", gap: time.Minute, edit: func(s *leaseServer) { s.lease.Annotations = nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &leaseServer{now: start.Add(test.then)}
			first := s.candidate("first")
			first.take(t, start.Add(test.first))
			before := first.Identity()
			if test.edit != nil {
				test.edit(s)
			}
			s.now = start.Add(test.gap + test.server)
			// The second process dies before it decides anything. The third one finds out.
			s.candidate("second").take(t, start.Add(test.gap+test.second))
			third := s.candidate("third")
			third.take(t, start.Add(test.gap+test.second))
			if got := third.Identity() == before; got != test.want {
				t.Errorf("the watch goes on: %t, want %t", got, test.want)
			}
			if s.lease.Annotations[v1alpha1.WatchAnnotation] != third.Identity() {
				t.Errorf("the Lease records %q, and the process has %q", s.lease.Annotations[v1alpha1.WatchAnnotation], third.Identity())
			}
		})
	}
}

func TestWatchOfOneProcess(t *testing.T) {
	start := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	s := &leaseServer{now: start}
	c := s.candidate("it")
	c.take(t, start)
	began := c.Identity()
	renew := func(what string, ours, theirs time.Duration, want bool) {
		t.Helper()
		s.now = start.Add(theirs)
		c.renew(t, start.Add(ours), "it")
		if got := c.Identity() == began; got != want {
			t.Errorf("%s: the watch goes on: %t, want %t", what, got, want)
		}
		began = c.Identity()
		if recorded := s.lease.Annotations[v1alpha1.WatchAnnotation]; recorded != began {
			t.Errorf("%s: the Lease records %q, and the process has %q", what, recorded, began)
		}
	}
	const hour = time.Hour
	renew("it runs", time.Second, time.Second, true)
	renew("it was frozen", hour, hour, false)
	renew("it runs again", hour+time.Second, hour+time.Second, true)
	renew("it was frozen with its clock", hour+2*time.Second, 2*hour, false)
	renew("it runs with the clock behind", hour+3*time.Second, 2*hour+time.Second, true)
	s.lease.Annotations = nil
	renew("somebody took the annotation", hour+4*time.Second, 2*hour+2*time.Second, true)

	c.renew(t, start.Add(2*hour+3*time.Second), "")
	if s.lease.Annotations[v1alpha1.WatchAnnotation] == "" {
		t.Error("a release takes the watch off the Lease")
	}
}

// A process that does not learn that it has taken the Lease goes on with the watch that it
// wrote.
func TestWatchWithALostAnswer(t *testing.T) {
	start := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	s := &leaseServer{now: start}
	s.candidate("first").take(t, start)
	s.now, s.lost = start.Add(time.Hour), 1
	c := s.candidate("second")
	if _, _, err := c.lock.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	record := resourcelock.LeaderElectionRecord{HolderIdentity: "second", RenewTime: metav1.NewTime(s.now)}
	if err := c.lock.Update(t.Context(), record); err == nil {
		t.Fatal("the answer is not lost")
	}
	wrote := s.lease.Annotations[v1alpha1.WatchAnnotation]
	c.take(t, s.now)
	if c.Identity() != wrote {
		t.Errorf("the watch is %q, want %q, which the lost answer was about", c.Identity(), wrote)
	}
}
