package board_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
)

// stream is an open page that listens.
type stream struct {
	t     *testing.T
	lines *bufio.Scanner
}

type event struct {
	name, id string
	change   struct {
		Seats map[string]string
		Parts map[string]string
	}
}

// listen connects like a page that was just loaded, or from a given position.
func listen(t *testing.T, w *world, since string) *stream {
	t.Helper()
	if w.board.Tick == 0 {
		w.board.Tick, w.board.Clock = time.Millisecond, nil
	}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.board.Handler().ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), auth.Identity{User: teacher})))
	}))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(func() {
		cancel()
		server.Close()
	})
	if since == "" {
		since = regexp.MustCompile(`since=([0-9a-f]+\.\d+)`).FindStringSubmatch(w.get(teacher, "/courses/prog1", "en").Body.String())[1]
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/courses/prog1/events?since="+since+"&carrel-lang=ja", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("listen: %v %v", err, answer)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<24)
	return &stream{t, lines}
}

// next returns the next event.
func (s *stream) next() event {
	s.t.Helper()
	var e event
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.change); err != nil {
				s.t.Fatal(err)
			}
			return e
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return e
}

func TestABoardHearsWhatChanges(t *testing.T) {
	w := lab()
	s := listen(t, w, "")
	// The page has the seats already. The parts above the seats are sent once.
	if first := s.next(); first.name != "change" || len(first.change.Seats) != 0 || len(first.change.Parts) != 4 {
		t.Fatalf("first: %s with seats %v, want the four parts above alone", first.name, first.change.Seats)
	}
	c, _ := w.Carrel(course, "24t0103")
	u := c.Userland.DeepCopy()
	u.Status.State = v1alpha1.StateRunning
	w.Set(u, "127.0.0.1:1")
	e := s.next()
	if seat := e.change.Seats["24t0103"]; len(e.change.Seats) != 1 || !strings.Contains(seat, `<li id="seat-24t0103" class="seat running"`) || !strings.Contains(seat, "稼働中") {
		t.Errorf("after one change: %v", e.change.Seats)
	}
	if !strings.Contains(e.change.Parts["counts"], `<b>3</b> 稼働中`) {
		t.Errorf("three are not counted: %v", e.change.Parts)
	}
	// A page that reconnects gets only the changes that it missed.
	u = u.DeepCopy()
	u.Status.Requests = &v1alpha1.Requests{HelpSince: &metav1.Time{Time: now}}
	w.Set(u, "127.0.0.1:1")
	if again := listen(t, w, e.id).next(); len(again.change.Seats) != 1 || !strings.Contains(again.change.Seats["24t0103"], "挙手") {
		t.Errorf("a page that comes again hears %v", again.change.Seats)
	}
	// A carrel that comes or goes moves other seats, so pages reload.
	if raised := s.next(); !strings.Contains(raised.change.Seats["24t0103"], "挙手") {
		t.Errorf("a raised hand: %v", raised.change.Seats)
	}
	w.Remove(course, "24t0104")
	if gone := s.next(); gone.name != "layout" {
		t.Errorf("after one has gone: %q, want layout", gone.name)
	}
	if other := listen(t, w, "000000000000.7").next(); other.name != "layout" {
		t.Errorf("with a position of another replica: %q, want layout", other.name)
	}
}

// BenchmarkBoardOf600 measures a board of 600 seats. docs/board.md has the figures.
func BenchmarkBoardOf600(b *testing.B) {
	w := newWorld(600)
	for b.Loop() {
		b.ReportMetric(float64(w.get(teacher, "/courses/prog1", "en").Body.Len()), "bytes/page")
	}
}

func TestBoardOf600IsSmall(t *testing.T) {
	w := newWorld(600)
	if size := w.get(teacher, "/courses/prog1", "ja").Body.Len(); size > 350<<10 {
		t.Errorf("a board of 600 seats has %d KiB, want at most 350", size>>10)
	}
	s := listen(t, w, "")
	s.next()
	c, _ := w.Carrel(course, "24t0103")
	u := c.Userland.DeepCopy()
	u.Status.LastActivityTime = &metav1.Time{Time: now}
	w.Set(u, "")
	e := s.next()
	if size := len(e.change.Seats["24t0103"]); len(e.change.Seats) != 1 || size > 1<<10 || e.change.Parts["counts"] != "" {
		t.Errorf("one activity is told by %d seats of %d bytes, and counts of %d", len(e.change.Seats), size, len(e.change.Parts["counts"]))
	}
}
