// Package wait answers requests for a carrel that does not serve yet. Visitors get a page
// that shows the cause and the expected time, and opens the carrel when it is ready. The
// requests of programs are held for a short time, and then answered with 503.
package wait

import (
	"cmp"
	"context"
	"embed"
	"net/http"
	"strconv"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// EventsPath is the path on the carrel's host at which a waiting page listens for events.
const EventsPath = page.Prefix + "wait"

const (
	// defaultHold is the time for which the request of a program is held.
	defaultHold = 25 * time.Second
	// defaultTick is the least time between two computations of a situation.
	defaultTick = 500 * time.Millisecond
	// keepAlive is the longest time between two messages on a stream.
	keepAlive = 20 * time.Second
)

//go:embed templates
var templates embed.FS

var pages = page.MustParse(templates)

// Waiter answers requests for carrels that do not serve yet. Directory must be set.
type Waiter struct {
	Directory *directory.Index
	// Desk is the address of the gateway's own host, such as https://desk.example.org,
	// where a student asks for help. If it is empty, the page has no link for help.
	Desk string
	// Clock defaults to the real clock.
	Clock clock.WithTicker
	// HoldFor is the time for which a request that is not for a page is held; 0 means 25 s.
	HoldFor time.Duration
	// Tick is the least time between two computations of a situation; 0 means half a
	// second.
	Tick time.Duration

	lines lines
}

// Hold handles a request for a carrel without a target. It returns true if the carrel
// became ready; the caller then serves the request, of which nothing has been read.
// Otherwise it answers the request and returns false.
func (w *Waiter) Hold(rw http.ResponseWriter, r *http.Request, course, name string) bool {
	if page.WantsPage(r) {
		w.show(rw, r, course, name)
		return false
	}
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(w.HoldFor, defaultHold))
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

// refuse answers a program with the situation, and with the time to try again.
func refuse(rw http.ResponseWriter, r *http.Request, s situation) {
	status := http.StatusServiceUnavailable
	if s.Kind == gone {
		status = http.StatusNotFound
	} else {
		rw.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	lang := page.LanguageOf(r)
	message := lang.Text("wait." + s.Kind + ".title")
	if s.Message != "" {
		message += ": " + s.Message
	}
	page.Refuse(rw, status, s.Kind, message)
}

// follow calls report with each new situation until the carrel is ready, report returns
// false, or the context ends. It reports whether the carrel is ready.
func (w *Waiter) follow(ctx context.Context, course, name string, report func(situation) bool) bool {
	changed, stop := w.Directory.Watch(course)
	defer stop()
	// A situation also changes with time: a carrel that stays asleep is not about to start.
	tick := w.clock().NewTicker(keepAlive)
	defer tick.Stop()
	var last situation
	came := w.clock().Now()
	// Readiness is checked after each change. The situation costs more, and is computed at
	// most once in a tick.
	var held <-chan time.Time
	for dirty := true; ; {
		c, found := w.Directory.Carrel(course, name)
		if found && c.Target != "" {
			return true
		}
		if dirty && held == nil {
			if s := w.situation(c, found, came); s != last {
				last = s
				if !report(s) {
					return false
				}
			}
			dirty, held = false, w.clock().After(cmp.Or(w.Tick, defaultTick))
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
	return situationOf(c, course, w.lines.ofCourse(c, w.Directory, now), came, now)
}

// show answers with the page.
func (w *Waiter) show(rw http.ResponseWriter, r *http.Request, course, name string) {
	c, found := w.Directory.Carrel(course, name)
	s := w.situation(c, found, w.clock().Now())
	class, _ := w.Directory.Course(course)
	lang := page.LanguageOf(r)
	p := page.Page{
		Status: http.StatusServiceUnavailable, Template: "wait", Class: "narrow", Guest: true,
		Title: lang.Text("wait." + s.Kind + ".title"), RefreshAfter: s.retryAfter(),
		Times: page.Times{Zone: timetable.ZoneOf(class), Now: w.clock().Now(), Lang: lang},
	}
	if s.Kind == gone {
		p.Status = http.StatusNotFound
	} else {
		rw.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
	}
	p.Data = w.detail(s, course, name, class, p.Times)
	pages.Show(rw, r, p)
}

// detail is the data of the templates.
type detail struct {
	situation
	Course string
	Steps  []step
	Events string
	Help   string
	// Ended describes how the carrel last ended. It is nil unless that is of interest.
	Ended *page.Ended
	Times page.Times
}

// step is a step of a start.
type step struct {
	// Key identifies the step's texts. State is done, now or ahead.
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
	if !s.LastEnd.Time.IsZero() && (s.Kind == failing || s.Kind == asleep) {
		// Whoever waits here may open the carrel, and read its log there.
		d.Ended = page.EndedOf(&s.LastEnd, times, true)
	}
	if s.hopeful() {
		d.Steps = steps(s)
	}
	return d
}

// steps returns the steps of a start. The queue is shown only to a visitor in the queue.
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
