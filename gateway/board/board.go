// Package board serves the pages of the gateway's own host to people who have logged in:
// the class board of a course, the visitor's own carrels, and the page of one carrel with
// its forms.
package board

import (
	"context"
	"embed"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/request"
)

//go:embed templates
var templates embed.FS

var pages = page.MustParse(templates)

// +kubebuilder:rbac:groups=carrel.dev,resources=courses;userlands,verbs=request
// +kubebuilder:rbac:groups=carrel.dev,resources=courses/status;userlands/status,verbs=patch

// Board serves the pages. All fields but Clock, Tick and Timelines must be set.
type Board struct {
	Directory *directory.Index
	Access    *access.Authorizer
	// Requests writes requests for carrels.
	Requests Requests
	// Volumes writes requests for volumes that no carrel uses.
	Volumes request.Volumes
	Audit   audit.Log
	// CarrelURL returns the address at which a carrel opens.
	CarrelURL func(course, name string) string
	// Clock defaults to the real clock.
	Clock clock.WithTicker
	// Tick is the least time between two messages to a page; 0 means a second.
	Tick time.Duration

	// Timelines holds what Run counts.
	Timelines Timelines

	hubs     hubs
	asksOnce sync.Once
	asks     *limit.Limiter
	// visits holds what was last found of the visits of carrels.
	visitsOnce sync.Once
	visits     *cache.LRUExpireCache
}

// Handler returns the handler of all pages. Requests have an auth.Identity in their
// context.
func (b *Board) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.home)
	mux.HandleFunc("GET /carrels", b.mine)
	mux.HandleFunc("GET /courses", b.boards)
	mux.HandleFunc("GET /courses/{course}", b.show)
	mux.HandleFunc("GET /courses/{course}/events", b.events)
	mux.HandleFunc("GET /courses/{course}/carrels/{carrel}", b.carrel)
	mux.HandleFunc("POST /courses/{course}/carrels/{carrel}/{action}", b.act)
	mux.HandleFunc("GET /courses/{course}/volumes/{claim}", b.volume)
	mux.HandleFunc("GET /courses/{course}/volumes/{claim}/let-go", b.farewell)
	mux.HandleFunc("POST /courses/{course}/volumes/{claim}/{action}", b.actOnVolume)
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) { page.Problem(rw, r, http.StatusNotFound, "notfound") })
	return page.RememberLanguage(mux)
}

// Run counts the running carrels for the timelines, until the context ends.
func (b *Board) Run(ctx context.Context) error {
	ticker := b.clock().NewTicker(sampleEvery)
	defer ticker.Stop()
	for {
		b.sample()
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// sample adds the present counts to the timelines, and drops courses that are gone.
func (b *Board) sample() {
	now, there := b.clock().Now(), map[string]bool{}
	for _, course := range b.Directory.Courses() {
		there[course.Name] = true
		running := 0
		for _, c := range b.Directory.InCourse(course.Name) {
			if c.State == v1alpha1.StateRunning {
				running++
			}
		}
		b.Timelines.Add(course.Name, now, running)
	}
	b.Timelines.keep(there)
	b.hubs.keep(there)
}

// snapshot returns the seats of a course, and those that changed after a position.
func (b *Board) snapshot(course string, after int) snapshot {
	return b.hubs.of(course).refresh(func() []directory.Carrel { return b.Directory.InCourse(course) }, after)
}

// visitor returns who is logged in. It answers the request and returns false if nobody
// is.
func visitor(rw http.ResponseWriter, r *http.Request) (auth.Identity, bool) {
	id, ok := auth.FromContext(r.Context())
	if !ok || id.User == "" {
		page.Problem(rw, r, http.StatusUnauthorized, "forbidden")
		return id, false
	}
	return id, true
}

// owns reports whether a carrel belongs to a visitor.
func owns(id auth.Identity, c directory.Carrel) bool { return id.User != "" && c.User == id.User }

func (b *Board) clock() clock.WithTicker {
	if b.Clock == nil {
		return clock.RealClock{}
	}
	return b.Clock
}

func (b *Board) times(r *http.Request, course *v1alpha1.Course) page.Times {
	return page.Times{Lang: page.LanguageOf(r), Zone: timetable.ZoneOf(course), Now: b.clock().Now()}
}
