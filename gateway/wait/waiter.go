// Package wait is what somebody finds who comes to a carrel that does not answer
// yet: a page that says why, how long it takes, and opens by itself; for programs
// a short wait and then 503.
package wait

import (
	"context"
	"embed"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// EventsPath is where a waiting page listens for what happens, on the carrel's
// own host.
const EventsPath = page.Prefix + "wait"

const (
	// defaultHold is how long a program's request is held.
	defaultHold = 25 * time.Second
	// defaultTick is the least time between two looks at a carrel.
	defaultTick = 500 * time.Millisecond
	// breath is how often a quiet stream shows that it lives.
	breath = 20 * time.Second
)

//go:embed templates
var templates embed.FS

var pages = page.MustParse(templates)

// Waiter serves those who wait. Directory must be set.
type Waiter struct {
	Directory *directory.Index
	// Desk is the address of the gateway's own host, as https://desk.example.org,
	// where a student asks for help; empty: none.
	Desk string
	// Clock is the real one if nil.
	Clock clock.WithTicker
	// HoldFor is how long a request that does not want a page is held; 0: 25 s.
	HoldFor time.Duration
	// Tick is the least time between two looks at a carrel; 0: half a second.
	Tick time.Duration

	lines lines
}

// Hold serves a request that came for a carrel with no ready target. Either it
// answers, and returns false; or the carrel became ready, and it returns true:
// the caller goes on with the request, of which nothing has been read.
func (w *Waiter) Hold(rw http.ResponseWriter, r *http.Request, course, name string) bool {
	if page.WantsPage(r) {
		w.show(rw, r, course, name)
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), orElse(w.HoldFor, defaultHold))
	defer cancel()
	var last situation
	ready := w.follow(ctx, course, name, func(s situation) bool {
		last = s
		return s.hopeful()
	})
	if ready {
		return true
	}
	if r.Context().Err() == nil {
		refuse(rw, r, last)
	}
	return false
}

// refuse tells a program to come again.
func refuse(rw http.ResponseWriter, r *http.Request, s situation) {
	status := http.StatusServiceUnavailable
	if s.Kind == gone {
		status = http.StatusNotFound
	} else {
		rw.Header().Set("Retry-After", strconv.Itoa(s.again()))
	}
	lang := page.LanguageOf(r)
	message := lang.Text("wait." + s.Kind + ".title")
	if s.Message != "" {
		message += ": " + s.Message
	}
	page.Refuse(rw, status, s.Kind, message)
}

// follow calls told with each new situation until the carrel is ready, told
// returns false, or the context ends; it reports whether the carrel is ready.
func (w *Waiter) follow(ctx context.Context, course, name string, told func(situation) bool) bool {
	changed, stop := w.Directory.Watch(course)
	defer stop()
	// Time passes too: a carrel that stays asleep is no longer about to start.
	tick := w.clock().NewTicker(breath)
	defer tick.Stop()
	var last situation
	came := w.clock().Now()
	// Whether it is ready is looked at after each change; what there is to say, which
	// takes more, not more often than the tick.
	var held <-chan time.Time
	for dirty := true; ; {
		c, found := w.Directory.Carrel(course, name)
		if found && c.Target != "" {
			return true
		}
		if dirty && held == nil {
			if s := w.situation(c, found, came); s != last {
				last = s
				if !told(s) {
					return false
				}
			}
			dirty, held = false, w.clock().After(orElse(w.Tick, defaultTick))
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C():
			dirty = true
		case <-changed:
			dirty = true
		case <-held:
			held = nil
		}
	}
}

func (w *Waiter) situation(c directory.Carrel, found bool, came time.Time) situation {
	if !found {
		return situation{Kind: gone}
	}
	now := w.clock().Now()
	course, _ := w.Directory.Course(c.Course)
	return look(c, course, w.lines.of(c, w.Directory, now), came, now)
}

// show answers with the page.
func (w *Waiter) show(rw http.ResponseWriter, r *http.Request, course, name string) {
	c, found := w.Directory.Carrel(course, name)
	s := w.situation(c, found, w.clock().Now())
	class, _ := w.Directory.Course(course)
	lang := page.LanguageOf(r)
	p := page.Page{
		Status: http.StatusServiceUnavailable, Template: "wait", Class: "narrow", Guest: true,
		Title: lang.Text("wait." + s.Kind + ".title"), RefreshAfter: s.again(),
		Times: page.Times{Zone: page.ZoneOf(class), Now: w.clock().Now(), Lang: lang},
	}
	if s.Kind == gone {
		p.Status = http.StatusNotFound
	} else {
		rw.Header().Set("Retry-After", strconv.Itoa(s.again()))
	}
	p.Data = w.detail(s, course, name, class, p.Times)
	pages.Show(rw, r, p)
}

// detail is what the templates show.
type detail struct {
	situation
	Course string
	Steps  []step
	Events string
	Help   string
	Times  page.Times
}

// step is one of a start.
type step struct {
	// Key names the texts; State is done, now or ahead.
	Key, State string
}

func (w *Waiter) detail(s situation, course, name string, class *v1alpha1.Course, times page.Times) detail {
	d := detail{situation: s, Course: course, Events: EventsPath, Times: times}
	if class != nil && class.Spec.Title != "" {
		d.Course = class.Spec.Title
	}
	if w.Desk != "" {
		d.Help = strings.TrimSuffix(w.Desk, "/") + "/courses/" + course + "/carrels/" + name
	}
	if s.hopeful() {
		d.Steps = steps(s)
	}
	return d
}

// steps are those of a start; the queue is named only to those who stand in it.
func steps(s situation) []step {
	var all []step
	for i, key := range []string{"asked", "queue", "start", "open"} {
		if key == "queue" && s.Kind != queued {
			continue
		}
		state := "ahead"
		switch {
		case i < s.step():
			state = "done"
		case i == s.step():
			state = "now"
		}
		all = append(all, step{key, state})
	}
	return all
}

func (w *Waiter) clock() clock.WithTicker {
	if w.Clock == nil {
		return clock.RealClock{}
	}
	return w.Clock
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
