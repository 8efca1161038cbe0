package logouts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/gateway/logouts"
)

// replicas are two Stores that share a ConfigMap.
type replicas struct {
	now    time.Time
	data   map[string]string
	a, b   *logouts.Store
	refuse error
}

func newReplicas() *replicas {
	w := &replicas{now: time.Unix(1_800_000_000, 0), data: map[string]string{}}
	patch := func(_ context.Context, entries map[string]*string) error {
		if w.refuse != nil {
			return w.refuse
		}
		for key, value := range entries {
			if delete(w.data, key); value != nil {
				w.data[key] = *value
			}
		}
		return nil
	}
	clock := func() time.Time { return w.now }
	w.a, w.b = logouts.New(patch, clock), logouts.New(patch, clock)
	return w
}

func (w *replicas) until() time.Time { return w.now.Add(14 * time.Hour) }

// A logout at one replica ends the login at the other, and no other login.
func TestOneLoginEnds(t *testing.T) {
	w := newReplicas()
	begun := w.now.Unix()
	if err := w.a.End(t.Context(), "hana", "one", w.until()); err != nil {
		t.Fatal(err)
	}
	w.b.Load(w.data)
	for name, s := range map[string]*logouts.Store{"the replica": w.a, "the other replica": w.b} {
		if !s.Ended("hana", "one", begun) {
			t.Errorf("%s takes a login that has ended", name)
		}
		for _, other := range [][2]string{{"hana", "two"}, {"ken", "one"}, {"hana", ""}} {
			if s.Ended(other[0], other[1], begun) {
				t.Errorf("%s refuses the login %q", name, other)
			}
		}
	}
}

// To log out everywhere ends all logins that began before, and none that begins after.
func TestAllLoginsEnd(t *testing.T) {
	w := newReplicas()
	begun := w.now.Unix()
	w.now = w.now.Add(time.Hour)
	if err := w.a.EndAll(t.Context(), "hana", w.until()); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(-30 * time.Second) // the clock of the other replica
	w.b.Load(w.data)
	if !w.b.Ended("hana", "any", begun) || w.b.Ended("ken", "any", begun) {
		t.Error("not the user's logins have ended, or another's")
	}
	if w.b.Ended("hana", "new", max(w.now.Unix(), w.b.NotBefore("hana"))) {
		t.Error("a login that begins after is refused")
	}
}

// A ConfigMap that was deleted brings no login back.
func TestEntriesOutliveTheConfigMap(t *testing.T) {
	w := newReplicas()
	if err := w.a.End(t.Context(), "hana", "one", w.until()); err != nil {
		t.Fatal(err)
	}
	w.a.Load(nil)
	if !w.a.Ended("hana", "one", w.now.Unix()) {
		t.Error("the login counts again")
	}
}

func TestEntriesAreForgottenWhenTheLoginWouldBeOver(t *testing.T) {
	w := newReplicas()
	for i := range 10 {
		if err := w.a.End(t.Context(), fmt.Sprint("user", i), "one", w.until()); err != nil {
			t.Fatal(err)
		}
	}
	w.now = w.now.Add(15 * time.Hour)
	if err := w.a.End(t.Context(), "hana", "one", w.until()); err != nil {
		t.Fatal(err)
	}
	if len(w.data) != 1 {
		t.Errorf("the ConfigMap holds %d entries, want 1: %v", len(w.data), w.data)
	}
	w.b.Load(map[string]string{"x": "1/2", "y": "no time", "z": "/"})
	if w.b.Ended("x", "", 0) {
		t.Error("an entry that is over is loaded")
	}
}

// Nobody fills the ConfigMap: a user who logs out again and again ends all their logins,
// and a logout that finds no room is an error.
func TestEntriesAreBounded(t *testing.T) {
	w := newReplicas()
	begun := w.now.Unix()
	for i := range 100 {
		if err := w.a.End(t.Context(), "hana", fmt.Sprint("login", i), w.until()); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.data) > 17 || !w.a.Ended("hana", "login99", begun) {
		t.Errorf("one user has %d entries", len(w.data))
	}
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		err = w.a.End(t.Context(), fmt.Sprint("user", i), "one", w.until())
	}
	if !errors.Is(err, logouts.ErrFull) || len(w.data) != 8000 {
		t.Errorf("with %d entries the error is %v", len(w.data), err)
	}
}

// A logout that was not recorded is an error, and does not count at one replica alone.
func TestLogoutsThatAreNotRecorded(t *testing.T) {
	w := newReplicas()
	w.refuse = errors.New("away")
	if err := w.a.End(t.Context(), "hana", "one", w.until()); !errors.Is(err, w.refuse) {
		t.Errorf("the error is %v", err)
	}
	if w.a.Ended("hana", "one", w.now.Unix()) {
		t.Error("it counts")
	}
}
