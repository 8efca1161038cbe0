package board

import (
	"testing"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestAudit(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	mine, other := userlandIn(t, namespace, "mine"), userlandIn(t, namespace, "other")
	log := audit.Log{Client: c}
	last := func() audit.Visit {
		t.Helper()
		got, _, err := log.LastOpened(t.Context(), mine)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := last(); got != (audit.Visit{}) {
		t.Fatalf("%+v, want nobody", got)
	}
	begin := time.Date(2027, 4, 12, 1, 0, 0, 0, time.UTC)
	for i, visit := range []struct {
		who   string
		after time.Duration
		want  string
	}{
		{"k.tanaka@example.ac.jp", 0, "k.tanaka@example.ac.jp 01:00"},
		{"k.tanaka@example.ac.jp", 9 * time.Minute, "k.tanaka@example.ac.jp 01:00"}, // still there
		{"Dr. Sato", 10 * time.Minute, "Dr. Sato 01:10"},
		{"k.tanaka@example.ac.jp", 20 * time.Minute, "k.tanaka@example.ac.jp 01:20"},
	} {
		at := begin.Add(visit.after)
		if err := log.Opened(t.Context(), mine, visit.who, at); err != nil {
			t.Fatal(err)
		}
		if err := log.Opened(t.Context(), other, "somebody else", at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := log.Asked(t.Context(), mine, visit.who, "restart", "asked for a restart", at.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if got := last(); got.User+" "+got.At.UTC().Format("15:04") != visit.want {
			t.Errorf("visit %d: %+v, want %s", i, got, visit.want)
		}
	}
	list := &eventsv1.EventList{}
	if err := c.List(t.Context(), list, client.InNamespace(namespace), client.MatchingFields{"reason": audit.AskedReason}); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 4 {
		t.Errorf("%d requests are recorded, want all 4: two people may ask for the same", len(list.Items))
	}
}
