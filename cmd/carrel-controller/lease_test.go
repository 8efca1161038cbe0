package main

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// heldLease is a Lease that somebody holds.
type heldLease struct {
	resourcelock.Interface
	record resourcelock.LeaderElectionRecord
}

func (h *heldLease) Get(context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	return &h.record, nil, nil
}

func (h *heldLease) Identity() string { return "this" }

// What another process renewed last stays known when this one holds the Lease.
func TestLeaseRemembersTheFormerHolder(t *testing.T) {
	at := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	held := &heldLease{}
	l := &lease{Interface: held}
	for _, step := range []struct {
		holder        string
		renewed, want time.Time
	}{
		{"other", at, at},
		{"other", at.Add(time.Second), at.Add(time.Second)},
		{"", at.Add(2 * time.Second), at.Add(2 * time.Second)}, // released
		{"this", at.Add(48 * time.Hour), at.Add(2 * time.Second)},
	} {
		held.record = resourcelock.LeaderElectionRecord{HolderIdentity: step.holder, RenewTime: metav1.Time{Time: step.renewed}}
		if _, _, err := l.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.RenewedUntil(); !got.Equal(step.want) {
			t.Errorf("after a look at the Lease of %q, another process renewed it until %s, want %s", step.holder, got, step.want)
		}
	}
	if got := (*lease)(nil).RenewedUntil(); !got.IsZero() {
		t.Errorf("without leader election another process watched until %s", got)
	}
}
