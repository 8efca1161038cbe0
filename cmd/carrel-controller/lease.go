package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/client-go/kubernetes"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/leaderelection"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// renewDeadline is for how long a leader tries to renew its Lease, as in
// controller-runtime.
const renewDeadline = 10 * time.Second

// newLease returns the lock of the leader election of a manager, which keeps the watch;
// nil if any number may lead.
func newLease(server *rest.Config, o ctrl.Options, w *watch) (resourcelock.Interface, error) {
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
	made, err := leaderelection.NewResourceLock(server, recorder, leaderelection.Options{
		LeaderElection: true, LeaderElectionID: o.LeaderElectionID, LeaderElectionNamespace: o.LeaderElectionNamespace, RenewDeadline: renewDeadline,
	})
	if err != nil {
		return nil, fmt.Errorf("set up the leader election: %w", err)
	}
	lock, is := made.(*resourcelock.LeaseLock)
	if !is {
		return nil, fmt.Errorf("set up the leader election: the lock is a %T, not a Lease", made)
	}
	lock.Client = &watchedLeases{LeasesGetter: lock.Client, watch: w, identity: lock.Identity()}
	return lock, nil
}

// leaseEvents records who leads, on the Lease.
type leaseEvents struct{ record.EventRecorder }

// GetEventRecorderFor returns the recorder.
func (e leaseEvents) GetEventRecorderFor(string) record.EventRecorder { return e.EventRecorder }

// GetEventRecorder is there for an interface. Nobody calls it.
func (leaseEvents) GetEventRecorder(string) events.EventRecorder { return nil }

// watch identifies the time for which controllers have run without an outage. A process
// begins a watch of its own, until it takes the Lease and finds that it continues the
// watch of the process before it.
type watch struct {
	mutex    sync.Mutex
	identity string
}

func newWatch() *watch {
	w := &watch{}
	w.begin()
	return w
}

// begin begins another watch.
func (w *watch) begin() { w.proceed(string(uuid.NewUUID())) }

// proceed goes on with a watch.
func (w *watch) proceed(identity string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.identity = identity
}

// Identity returns the identity of the watch.
func (w *watch) Identity() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.identity
}

// watchedLeases reads and writes the Lease of one lock. Each write records the watch in
// an annotation: the write that takes the Lease does that too, so no process can lead and
// leave no record of the outage before it.
type watchedLeases struct {
	coordinationclient.LeasesGetter
	coordinationclient.LeaseInterface
	watch *watch
	// identity names this process as a holder of the Lease.
	identity string
	// last is the Lease as it was read or written last. led is set while this process holds
	// the Lease.
	last *coordinationv1.Lease
	led  bool
}

// Leases returns the Leases of a namespace.
func (l *watchedLeases) Leases(namespace string) coordinationclient.LeaseInterface {
	l.LeaseInterface = l.LeasesGetter.Leases(namespace)
	return l
}

// Get reads the Lease.
func (l *watchedLeases) Get(ctx context.Context, name string, o metav1.GetOptions) (*coordinationv1.Lease, error) {
	lease, err := l.LeaseInterface.Get(ctx, name, o)
	if err == nil {
		l.last = lease.DeepCopy()
	}
	return lease, err
}

// Create makes the Lease, which begins a watch: nobody knows what was before.
func (l *watchedLeases) Create(ctx context.Context, lease *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	l.watch.begin()
	made, err := l.LeaseInterface.Create(ctx, l.record(lease), o)
	if err == nil {
		l.last, l.led = made.DeepCopy(), true
	}
	return made, err
}

// Update takes, renews or releases the Lease. A release leaves what the Lease records.
func (l *watchedLeases) Update(ctx context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	switch {
	case holder(lease) != l.identity:
		return l.write(ctx, lease, o)
	case l.led && holder(l.last) == l.identity:
		return l.renew(ctx, lease, o)
	default:
		return l.take(ctx, lease, o)
	}
}

// take decides whether this process continues the watch of the one that held the Lease
// last, and takes the Lease. A dry run returns the API server's time.
func (l *watchedLeases) take(ctx context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	dry := o
	dry.DryRun = []string{metav1.DryRunAll}
	tried, err := l.LeaseInterface.Update(ctx, lease.DeepCopy(), dry)
	if err != nil {
		return nil, fmt.Errorf("try to take the lease: %w", err)
	}
	former := l.last.Annotations[v1alpha1.WatchAnnotation]
	if former != "" && momentOf(tried).ContinuesFrom(momentOf(l.last)) {
		l.watch.proceed(former)
	} else {
		l.watch.begin()
	}
	return l.write(ctx, l.record(lease), o)
}

// renew renews the Lease. A process that was frozen begins another watch: in the same
// write if its own clock shows that, else right after it.
func (l *watchedLeases) renew(ctx context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	last := momentOf(l.last)
	if byOurs := (volume.Moment{Ours: renewed(lease), Theirs: last.Theirs}); !byOurs.HeldFrom(last) {
		l.watch.begin()
	}
	written, err := l.write(ctx, l.record(lease), o)
	if err != nil || momentOf(written).HeldFrom(last) {
		return written, err
	}
	l.watch.begin()
	return l.write(ctx, l.record(written), o)
}

// write writes the Lease.
func (l *watchedLeases) write(ctx context.Context, lease *coordinationv1.Lease, o metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	written, err := l.LeaseInterface.Update(ctx, lease, o)
	if err == nil {
		l.last, l.led = written.DeepCopy(), holder(written) == l.identity
	}
	return written, err
}

// record records the watch on a Lease, and returns the Lease.
func (l *watchedLeases) record(lease *coordinationv1.Lease) *coordinationv1.Lease {
	metav1.SetMetaDataAnnotation(&lease.ObjectMeta, v1alpha1.WatchAnnotation, l.watch.Identity())
	return lease
}

func holder(lease *coordinationv1.Lease) string { return ptr.Deref(lease.Spec.HolderIdentity, "") }

// momentOf returns when a Lease was renewed last.
func momentOf(lease *coordinationv1.Lease) volume.Moment {
	return volume.Moment{Ours: renewed(lease), Theirs: stamped(lease)}
}

// renewed returns when a Lease was renewed by the clock of the process that did it.
func renewed(lease *coordinationv1.Lease) time.Time {
	return ptr.Deref(lease.Spec.RenewTime, metav1.MicroTime{}).Time
}

// stamped returns when a Lease was renewed by the clock of the API server; zero if it does
// not say, so that the watch ends.
func stamped(lease *coordinationv1.Lease) time.Time {
	for _, entry := range lease.ManagedFields {
		if entry.Time != nil && entry.FieldsV1 != nil && strings.Contains(entry.FieldsV1.GetRawString(), `"f:renewTime"`) {
			return entry.Time.Time
		}
	}
	return time.Time{}
}
