package board_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
)

func TestAct(t *testing.T) {
	hours := func(h string) url.Values { return url.Values{"hours": {h}} }
	typed := func(name string) url.Values { return url.Values{"confirm": {name}} }
	for _, test := range []struct {
		name, user, action string
		fields             url.Values
		change             func(*http.Request)
		status             int
		asked, told        string
	}{
		{name: "staff restart", user: teacher, action: "restart", status: 303, asked: "24t0101 restartAt 01:05", told: "restart: teacher@example.ac.jp asked for a restart on the class board"},
		{name: "staff stop", user: teacher, action: "stop", status: 303, asked: "24t0101 stopAt 01:05", told: "asked for a stop"},
		{name: "staff keep", user: teacher, action: "keep", fields: hours("4"), status: 303, asked: "24t0101 keepUntil 05:05", told: "asked to keep it running"},
		{name: "staff release", user: teacher, action: "release", status: 303, asked: "24t0101 keepUntil never", told: "sleep again"},
		{name: "staff reset", user: teacher, action: "reset", fields: typed("24t0101"), status: 303, asked: "24t0101 resetAt 01:05", told: "asked for fresh volumes"},
		{name: "staff lower a hand", user: teacher, action: "lower", status: 303, asked: "24t0101 helpSince never"},
		{name: "a student raises a hand", user: student, action: "raise", status: 303, asked: "24t0101 helpSince 01:05"},
		{name: "a student lowers it", user: student, action: "lower", status: 303, asked: "24t0101 helpSince never"},
		{name: "the script does", user: teacher, action: "restart", change: func(r *http.Request) { r.Header.Set("Accept", "application/json") }, status: 204, asked: "24t0101 restartAt 01:05", told: "restart"},

		{name: "nobody", action: "restart", status: 401},
		{name: "a student restarts their own", user: student, action: "restart", status: 303, asked: "24t0101 restartAt 01:05", told: "restart: " + student + " asked for a restart on the class board"},
		{name: "a student stops their own", user: student, action: "stop", status: 303, asked: "24t0101 stopAt 01:05", told: "stop: " + student + " asked for a stop on the class board"},
		{name: "a neighbour restarts it", user: neighbour, action: "restart", status: 403},
		{name: "a student keeps", user: student, action: "keep", fields: hours("1"), status: 403},
		{name: "a student resets", user: student, action: "reset", fields: typed("24t0101"), status: 403},
		{name: "a student raises another's hand", user: neighbour, action: "raise", status: 403},
		{name: "a student lowers another's hand", user: neighbour, action: "lower", status: 403},
		{name: "staff raise a student's hand", user: teacher, action: "raise", status: 403},
		{name: "one who may only look restarts", user: watcher, action: "restart", status: 403},
		{name: "one who may only look lowers a hand", user: watcher, action: "lower", status: 403},
		{name: "a stranger restarts", user: stranger, action: "restart", status: 403},

		{name: "a reset without the name", user: teacher, action: "reset", status: 422},
		{name: "a reset with another name", user: teacher, action: "reset", fields: typed("24t0102"), status: 422},
		{name: "kept for no time", user: teacher, action: "keep", status: 400},
		{name: "kept for ever", user: teacher, action: "keep", fields: hours("100000000"), status: 400},
		{name: "kept until yesterday", user: teacher, action: "keep", fields: hours("-24"), status: 400},
		{name: "no such action", user: teacher, action: "explode", status: 404},

		{name: "from another origin", user: teacher, action: "restart", status: 403, change: func(r *http.Request) {
			r.Header.Set("Origin", "https://24t0102--prog1.carrels.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}},
		{name: "from a host beside", user: teacher, action: "restart", status: 403, change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }},
		{name: "from another origin by an old browser", user: teacher, action: "restart", status: 403, change: func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Del("Sec-Fetch-Site")
		}},
		{name: "without a token", user: teacher, action: "restart", status: 403, fields: nil, change: func(r *http.Request) {
			r.Body = http.NoBody
		}},
		{name: "with a token of another browser", user: teacher, action: "restart", status: 403, change: func(r *http.Request) {
			r.Header.Set("Cookie", "__Host-carrel-token=vutsrqponmlkjihgfedcba9876543210")
		}},
		{name: "with no cookie and no token", user: teacher, action: "restart", status: 403, change: func(r *http.Request) {
			r.Header.Del("Cookie")
			r.Body = http.NoBody
		}},
		{name: "with a form without end", user: teacher, action: "restart", fields: url.Values{"x": {strings.Repeat("x", 1<<20)}}, status: 403},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := lab()
			r := form("/courses/prog1/carrels/24t0101/"+test.action, test.fields)
			if test.change != nil {
				test.change(r)
			}
			got := w.serve(test.user, r)
			if got.Code != test.status {
				t.Errorf("status %d, want %d: %s", got.Code, test.status, got.Body)
			}
			if asked := strings.Join(w.asked(t), ", "); asked != test.asked {
				t.Errorf("asked %q, want %q", asked, test.asked)
			}
			if test.status == 303 && got.Header().Get("Location") != "/courses/prog1/carrels/24t0101" {
				t.Errorf("sent to %q", got.Header().Get("Location"))
			}
			told := ""
			for _, e := range w.Events(audit.AskedReason) {
				told += e.Action + ": " + e.Note
			}
			if (told == "") != (test.told == "") || !strings.Contains(told, test.told) {
				t.Errorf("recorded %q, want %q", told, test.told)
			}
		})
	}
}

// A link can't send a request to a carrel.
func TestActsAreNoLinks(t *testing.T) {
	w := lab()
	got := w.get(teacher, "/courses/prog1/carrels/24t0101/restart", "en")
	if asked := w.asked(t); got.Code != http.StatusNotFound || len(asked) > 0 {
		t.Errorf("%d, asked %v", got.Code, asked)
	}
}

// Raising a raised hand again does not change its time.
func TestRaisedAgain(t *testing.T) {
	w := lab()
	c, _ := w.Carrel(course, "24t0101")
	c.Userland.Status.Requests = &v1alpha1.Requests{HelpSince: &metav1.Time{Time: now.Add(-time.Hour)}}
	w.Set(c.Userland, "")
	w.serve(student, form("/courses/prog1/carrels/24t0101/raise", nil))
	if asked := w.asked(t); fmt.Sprint(asked) != "[24t0101 helpSince 00:05]" {
		t.Errorf("asked %v, want it to stay at 00:05", asked)
	}
}

// The requests of one person are bounded, and do not delay those of others.
func TestAskingTooFast(t *testing.T) {
	w := lab()
	raise := func(user, name string) int {
		return w.serve(user, form("/courses/prog1/carrels/"+name+"/raise", nil)).Code
	}
	answers := map[int]int{}
	for range 50 {
		answers[raise(student, "24t0101")]++
	}
	if asked := len(w.asked(t)); answers[303] != 20 || answers[429] != 30 || asked != 20 {
		t.Errorf("answered %v, asked %d times; want 20 and the others told to wait", answers, asked)
	}
	if got := raise(neighbour, "24t0102"); got != 303 {
		t.Errorf("another student: %d", got)
	}
	w.clock.Step(time.Second)
	if got := raise(student, "24t0101"); got != 303 {
		t.Errorf("a second later: %d", got)
	}
}
