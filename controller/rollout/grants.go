// Package rollout decides which running carrels may take a new revision of
// their Template, and when.
package rollout

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Grants are the permissions to restart onto a revision that are given and not
// used yet. They are kept in memory only: what a restart of the controller
// forgets is granted again from what the statuses say. Safe for concurrent use.
type Grants struct {
	// Wake carries the Userlands whose turn it is.
	Wake chan event.TypedGenericEvent[*v1alpha1.Userland]

	mutex sync.Mutex
	given map[client.ObjectKey]string
}

// NewGrants has given none.
func NewGrants() *Grants {
	return &Grants{
		Wake:  make(chan event.TypedGenericEvent[*v1alpha1.Userland], 1024),
		given: map[client.ObjectKey]string{},
	}
}

// May reports whether a Userland may restart onto a revision now.
func (g *Grants) May(userland client.ObjectKey, revision string) bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return g.given[userland] == revision
}
