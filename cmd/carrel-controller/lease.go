package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/leaderelection"
)

// renewDeadline is for how long a leader tries to renew its Lease, as in
// controller-runtime.
const renewDeadline = 10 * time.Second

// lease is the Lease of the leader election. It remembers when another process renewed
// it last: until then somebody watched.
type lease struct {
	resourcelock.Interface

	mutex   sync.Mutex
	renewed time.Time
}

// newLease returns the Lease of a manager; nil if any number may lead.
func newLease(server *rest.Config, o ctrl.Options) (*lease, error) {
	if !o.LeaderElection {
		return nil, nil
	}
	client, err := kubernetes.NewForConfig(server)
	if err != nil {
		return nil, fmt.Errorf("set up the leader election: %w", err)
	}
	events := record.NewBroadcaster()
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	recorder := leaseEvents{events.NewRecorder(o.Scheme, corev1.EventSource{Component: o.LeaderElectionID})}
	lock, err := leaderelection.NewResourceLock(server, recorder, leaderelection.Options{
		LeaderElection: true, LeaderElectionID: o.LeaderElectionID, LeaderElectionNamespace: o.LeaderElectionNamespace, RenewDeadline: renewDeadline,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the leader election: %w", err)
	}
	return &lease{Interface: lock}, nil
}

// leaseEvents records who leads, on the Lease.
type leaseEvents struct{ record.EventRecorder }

// GetEventRecorderFor returns the recorder.
func (e leaseEvents) GetEventRecorderFor(string) record.EventRecorder { return e.EventRecorder }

// GetEventRecorder is there for an interface. Nobody calls it.
func (leaseEvents) GetEventRecorder(string) events.EventRecorder { return nil }

// Get reads the Lease. A process that wants to lead reads it right before it takes it.
func (l *lease) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.Interface.Get(ctx)
	if err == nil && record.HolderIdentity != l.Identity() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		l.renewed = record.RenewTime.Time
	}
	return record, raw, err
}

// RenewedUntil returns when another process renewed the Lease last; zero if there is no
// leader election, or if nobody ever led.
func (l *lease) RenewedUntil() time.Time {
	if l == nil {
		return time.Time{}
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.renewed
}
