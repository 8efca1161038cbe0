package reporter

import (
	"context"
	"errors"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// leaseReader reads the Lease of the errand process and nothing else.
type leaseReader struct {
	client.Reader
	renewed *metav1.MicroTime
	err     error
	reads   int
}

func (r *leaseReader) Get(_ context.Context, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	r.reads++
	if lease, ok := object.(*coordinationv1.Lease); ok {
		lease.Spec.RenewTime = r.renewed
	}
	return r.err
}

// An errand process that renewed its Lease lately runs. Marks wait for no other.
func TestErrandRuns(t *testing.T) {
	leases := schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	at := func(age time.Duration) *metav1.MicroTime { return &metav1.MicroTime{Time: now.Add(-age)} }
	for name, test := range map[string]struct {
		renewed *metav1.MicroTime
		err     error
		want    bool
	}{
		"renewed a moment ago": {at(time.Second), nil, true},
		"renewed long ago":     {at(leaseLasts), nil, false},
		"never renewed":        {nil, nil, false},
		"no Lease":             {at(0), apierrors.NewNotFound(leases, errandLease), false},
		"no right to read it":  {at(0), apierrors.NewForbidden(leases, errandLease, nil), false},
	} {
		r := &Reconciler{APIReader: &leaseReader{renewed: test.renewed, err: test.err}, Now: func() time.Time { return now }}
		if got, err := r.errandRuns(t.Context()); err != nil || got != test.want {
			t.Errorf("%s: it runs %v (%v), want %v", name, got, err, test.want)
		}
	}
	r := &Reconciler{APIReader: &leaseReader{err: errors.New("no answer")}, Now: func() time.Time { return now }}
	if _, err := r.errandRuns(t.Context()); err == nil {
		t.Error("an API server that does not answer is taken for no errand process")
	}
}

// The Lease is read once a minute at most.
func TestErrandLeaseIsReadSeldom(t *testing.T) {
	reader, at := &leaseReader{}, now
	r := &Reconciler{APIReader: reader, Now: func() time.Time { return at }}
	for _, step := range []struct {
		passed time.Duration
		reads  int
	}{{0, 1}, {errandEvery - time.Second, 1}, {time.Second, 2}} {
		at = at.Add(step.passed)
		if _, err := r.errandRuns(t.Context()); err != nil || reader.reads != step.reads {
			t.Errorf("after %v the Lease was read %d times (%v), want %d", step.passed, reader.reads, err, step.reads)
		}
	}
}
