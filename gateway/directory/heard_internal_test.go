package directory

import (
	"context"
	"errors"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// answering is an API server that answers each question with an error, or none.
type answering struct {
	client.Reader
	err error
}

func (a *answering) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return a.err
}

// A replica that hears nothing of the API server asks for no more visitors after a minute,
// and believes no address after a quarter of an hour. One answer ends both.
func TestReplicaThatIsCutOff(t *testing.T) {
	d := &Directory{Index: NewIndex()}
	server := &answering{}
	ask(t.Context(), server, d.Index)
	begun := time.Now()
	server.err = errors.New("away")
	ask(t.Context(), server, d.Index)
	for _, tt := range []struct {
		after        time.Duration
		ready, stale bool
	}{
		{30 * time.Second, true, false},
		{2 * time.Minute, false, false},
		{14 * time.Minute, false, false},
		{16 * time.Minute, false, true},
	} {
		now := begun.Add(tt.after)
		if ready, stale := d.ready(now) == nil, d.Stale(now); ready != tt.ready || stale != tt.stale {
			t.Errorf("after %v it is ready: %v, stale: %v; want %v, %v", tt.after, ready, stale, tt.ready, tt.stale)
		}
	}
	d.Hear(time.Now().Add(-time.Hour))
	if ask(t.Context(), server, d.Index); !d.Stale(time.Now()) {
		t.Error("a question without an answer counts")
	}
	server.err = nil
	ask(t.Context(), server, d.Index)
	if now := time.Now(); d.ready(now) != nil || d.Stale(now) {
		t.Error("after an answer it is not ready, or stale")
	}
	if NewIndex().Stale(begun) {
		t.Error("an Index that nobody fills is stale")
	}
}
