package route

import (
	"net/http"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// visitAgain is the time after which a visitor who is still there is recorded again.
// Package audit takes requests within ten minutes for one visit.
const visitAgain = 10 * time.Minute

// record records that a visitor opens a carrel that is not theirs, once for many requests.
// Nobody gets in unrecorded: if the record can't be written, record answers the request and
// returns false.
func (rt *Router) record(rw http.ResponseWriter, r *http.Request, id auth.Identity, c directory.Carrel) bool {
	now := rt.Clock.Now()
	what := visit{id.User, key{c.Course, c.Name}}
	if rt.visited.within(what, now.Truncate(visitAgain)) {
		return true
	}
	if err := rt.Visits.Opened(r.Context(), c.Userland, id.User, now); err != nil {
		log.FromContext(r.Context()).Error(err, "record a visit", "user", id.User, "course", c.Course, "carrel", c.Name)
		page.TryAgain(rw, r, "unavailable")
		return false
	}
	rt.visited.add(what, now)
	return true
}

// key identifies a carrel.
type key struct{ course, name string }

// visit identifies a visitor in a carrel.
type visit struct {
	user string
	key  key
}

// recent holds the times at which visits were recorded.
type recent struct {
	mu sync.Mutex
	at map[visit]time.Time
}

func (v *recent) within(what visit, since time.Time) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	at, found := v.at[what]
	return found && !at.Before(since)
}

func (v *recent) add(what visit, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at == nil {
		v.at = map[visit]time.Time{}
	}
	for other, at := range v.at {
		if now.Sub(at) > visitAgain {
			delete(v.at, other)
		}
	}
	v.at[what] = now
}

// forgetWake is the time after which a visitor who never got in is no longer waited for.
const forgetWake = 30 * time.Minute

// waking holds the time at which the first visitor came to a carrel that was not ready.
type waking struct {
	mu   sync.Mutex
	came map[key]time.Time
}

func (w *waking) begin(k key, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.came == nil {
		w.came = map[key]time.Time{}
	}
	for other, at := range w.came {
		if now.Sub(at) > forgetWake {
			delete(w.came, other)
		}
	}
	if _, waits := w.came[k]; !waits {
		w.came[k] = now
	}
}

// end returns how long the first visitor waited, and forgets it; false if nobody waited.
func (w *waking) end(k key, now time.Time) (time.Duration, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, waits := w.came[k]
	delete(w.came, k)
	return now.Sub(at), waits
}
