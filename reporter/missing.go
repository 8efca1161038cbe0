package reporter

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// missing holds for each course since when Userlands are missing in Flux's inventories. It
// counts from the first look and not from Flux's last attempt, which any commit to the
// repository renews. After a restart the time begins again.
type missing struct {
	mu    sync.Mutex
	since map[types.NamespacedName]map[types.UID]time.Time
}

// sightings are the Userlands that one look at a course found missing.
type sightings struct{ before, now map[types.UID]time.Time }

func (m *missing) of(course *v1alpha1.Course) sightings {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sightings{m.since[client.ObjectKeyFromObject(course)], map[types.UID]time.Time{}}
}

// see notes that a Userland is missing and returns since when it is.
func (s sightings) see(u types.UID, now time.Time) time.Time {
	since, seen := s.before[u]
	if !seen {
		since = now
	}
	s.now[u] = since
	return since
}

// keep replaces what the look before found.
func (m *missing) keep(course *v1alpha1.Course, found sightings) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(found.now) == 0 {
		delete(m.since, client.ObjectKeyFromObject(course))
		return
	}
	if m.since == nil {
		m.since = map[types.NamespacedName]map[types.UID]time.Time{}
	}
	m.since[client.ObjectKeyFromObject(course)] = found.now
}

// release forgets a course that is gone.
func (m *missing) release(course types.NamespacedName) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.since, course)
}
