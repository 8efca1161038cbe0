package wait

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

var noon = time.Date(2027, 4, 12, 3, 0, 0, 0, time.UTC)

func ago(d time.Duration) *time.Time {
	at := noon.Add(-d)
	return &at
}

// A carrel that is asleep counts as waking while somebody has just come to it.
func TestAsleepOrWaking(t *testing.T) {
	for _, test := range []struct {
		name   string
		came   time.Duration
		active *time.Time
		want   string
	}{
		{"one who has just come", 0, ago(24 * time.Hour), waking},
		{"the first time ever", time.Second, nil, waking},
		{"the status knows of it", 30 * time.Second, ago(30 * time.Second), waking},
		{"it takes its time", 15 * time.Second, ago(2 * time.Hour), waking},
		{"the wait was given up", 10 * time.Minute, ago(10 * time.Minute), asleep},
		{"it was not noticed", time.Minute, nil, asleep},
	} {
		c := directory.Carrel{State: v1alpha1.StateAsleep, LastActivity: test.active}
		if got := kind(c, noon.Add(-test.came), noon); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestAsleepPage(t *testing.T) {
	for _, lang := range page.Languages {
		w := Waiter{Desk: "https://desk.example.ac.jp"}
		var got bytes.Buffer
		d := w.detail(situation{Kind: asleep}, "prog1", "24t0101", nil, page.Times{Lang: lang, Zone: time.UTC, Now: noon})
		if err := pages.Part(&got, lang, "situation", d); err != nil {
			t.Fatal(err)
		}
		file := "testdata/asleep." + string(lang) + ".part.html"
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil || got.String() != string(want) {
			t.Errorf("%v: got\n%s", err, got.String())
		}
	}
}

func TestLine(t *testing.T) {
	carrel := func(name, template, state string, queued, started, took time.Duration) directory.Carrel {
		u := &v1alpha1.Userland{Status: v1alpha1.UserlandStatus{State: state}}
		c := directory.Carrel{Name: name, Template: template, State: state, Userland: u}
		if queued != 0 {
			c.QueuedSince = ago(queued)
		}
		if started != 0 {
			u.Status.LastStartTime = &metav1.Time{Time: *ago(started)}
			u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, LastTransitionTime: metav1.NewTime(ago(started).Add(took))}}
		}
		return c
	}
	running, starting, queued := v1alpha1.StateRunning, v1alpha1.StateStarting, v1alpha1.StateQueued
	class := []directory.Carrel{
		carrel("c", "ide", queued, 20*time.Second, 0, 0),
		carrel("b", "ide", queued, 20*time.Second, 0, 0), // came together: by name
		carrel("a", "ide", queued, 10*time.Second, 0, 0),
		carrel("first", "ide", queued, time.Minute, 0, 0),
		carrel("unnoticed", "ide", queued, 0, 0, 0),
		carrel("r1", "ide", running, 0, 2*time.Minute, 6*time.Second),
		carrel("r2", "ide", running, 0, 80*time.Second, 8*time.Second),
		carrel("r3", "db", running, 0, 40*time.Second, 30*time.Second),
		carrel("r4", "ide", running, 0, 2*time.Hour, 100*time.Second),
		carrel("restarted long after", "ide", running, 0, 20*time.Hour, 19*time.Hour), // its pod came back later
		carrel("s1", "ide", starting, 0, 4*time.Second, 0),
	}
	l := lineOf(class, noon)
	for name, want := range map[string]int{"first": 1, "b": 2, "c": 3, "a": 4, "unnoticed": 0, "r1": 0} {
		if l.place[name] != want {
			t.Errorf("place of %s: %d, want %d", name, l.place[name], want)
		}
	}
	if l.pace != 30*time.Second {
		t.Errorf("pace %v, want 4 starts in 2 minutes", l.pace)
	}
	if l.start["ide"] != 8*time.Second || l.start["db"] != 30*time.Second || l.start["other"] != 0 {
		t.Errorf("starts take %v, want the median by Template", l.start)
	}
	if got := l.expected(3, "ide"); got != 98*time.Second {
		t.Errorf("from the third place %v, want three steps of the queue and a start", got)
	}
	// Two starts are too few for a pace.
	if slow := lineOf(class[:7], noon); slow.pace != 0 || slow.expected(3, "ide") != 0 {
		t.Errorf("after two starts: %+v", slow)
	}
}
