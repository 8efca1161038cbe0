package kube

import (
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Grants are the permissions to restart onto a revision that are given and not
// used yet. They are kept in memory only: what a restart of the controller
// forgets is granted again from what the statuses say. Safe for concurrent use.
type Grants struct {
	// Waker wakes the Userlands that may restart.
	Waker

	mutex sync.Mutex
	given map[client.ObjectKey]grant
}

// A grant is the permission of one Userland.
type grant struct {
	template client.ObjectKey
	revision string
}

// NewGrants has given none.
func NewGrants() *Grants { return &Grants{given: map[client.ObjectKey]grant{}} }

// Set makes the Userlands named the only ones that may restart onto a revision
// of the Template, and wakes those that might not before.
func (g *Grants) Set(template client.ObjectKey, revision string, userlands []string) {
	g.Wake(template.Namespace, g.set(template, revision, userlands)...)
}

func (g *Grants) set(template client.ObjectKey, revision string, userlands []string) (news []string) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for key, given := range g.given {
		if given.template == template && (given.revision != revision || !slices.Contains(userlands, key.Name)) {
			delete(g.given, key)
		}
	}
	for _, name := range userlands {
		key, given := client.ObjectKey{Namespace: template.Namespace, Name: name}, grant{template, revision}
		if g.given[key] != given {
			g.given[key] = given
			news = append(news, name)
		}
	}
	return news
}

// Given returns the permissions of the carrels of a Template: by the name of the
// Userland, the revision onto which it may restart.
func (g *Grants) Given(template client.ObjectKey) map[string]string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	given := map[string]string{}
	for key, grant := range g.given {
		if grant.template == template {
			given[key.Name] = grant.revision
		}
	}
	return given
}

// May reports whether a Userland may restart onto a revision now. A nil Grants
// permits nothing.
func (g *Grants) May(userland client.ObjectKey, revision string) bool {
	if g == nil {
		return false
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	given, found := g.given[userland]
	return found && given.revision == revision
}
