package template

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/core/lifecycle"
)

// memory spares the API server repeated questions, and revisions an early end.
// What a restart of the controller forgets costs a question more, or keeps a
// revision a little longer. The zero value is empty. It is safe for concurrent use.
type memory struct {
	mutex sync.Mutex
	// trials holds the last answer of the API server by Template, failures how often
	// in a row something failed.
	trials   map[client.ObjectKey]*lifecycle.Trial
	failures map[client.ObjectKey]int
	// unusedSince holds by revision when it was first found unused.
	unusedSince map[types.UID]time.Time
}

// locked runs a function on maps that exist.
func (m *memory) locked(do func()) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.trials == nil {
		m.trials, m.failures, m.unusedSince = map[client.ObjectKey]*lifecycle.Trial{}, map[client.ObjectKey]int{}, map[types.UID]time.Time{}
	}
	do()
}

func (m *memory) of(template client.ObjectKey) (trial *lifecycle.Trial, failures int) {
	m.locked(func() { trial, failures = m.trials[template], m.failures[template] })
	return trial, failures
}

func (m *memory) tried(template client.ObjectKey, trial *lifecycle.Trial) {
	m.locked(func() { m.trials[template] = trial })
}

// acted counts failures in a row.
func (m *memory) acted(template client.ObjectKey, d lifecycle.TemplateDecision) {
	m.locked(func() {
		switch {
		case d.FailedNow():
			m.failures[template]++
		case !d.Failed():
			delete(m.failures, template)
		}
	})
}

func (m *memory) forget(template client.ObjectKey) {
	m.locked(func() { delete(m.trials, template); delete(m.failures, template) })
}

// unused returns when a revision was first found unused.
func (m *memory) unused(revision types.UID, now time.Time) (since time.Time) {
	m.locked(func() {
		if _, known := m.unusedSince[revision]; !known {
			m.unusedSince[revision] = now
		}
		since = m.unusedSince[revision]
	})
	return since
}

func (m *memory) used(revision types.UID) {
	m.locked(func() { delete(m.unusedSince, revision) })
}
