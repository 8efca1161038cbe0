//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

// mergeTrain merges what tests have ready, one merge request after the other. The next
// one is merged when all courses of the one before have taken notice: a commit that is
// overtaken on its way is not reported on. What becomes ready in the meantime goes
// together.
type mergeTrain struct {
	// running is held from a merge until all who ride have left.
	running sync.Mutex

	mu      sync.Mutex
	waiting []*passenger
}

var train mergeTrain

// A passenger is the commit of one test.
type passenger struct {
	story.Commit
	// merged is closed when the rest is set.
	merged chan struct{}
	commit string
	err    error
	ride   *sync.WaitGroup
}

// ride merges a commit and returns the merge commit. No other is merged until the
// caller leaves, which it has to do after an error, too.
func (m *mergeTrain) ride(ctx context.Context, change story.Commit) (merged string, leave func(), err error) {
	p := &passenger{Commit: change, merged: make(chan struct{})}
	m.mu.Lock()
	m.waiting = append(m.waiting, p)
	m.mu.Unlock()
	go m.depart(ctx)
	<-p.merged
	return p.commit, p.ride.Done, p.err
}

// depart merges all who wait, if there are any when the former train has arrived.
func (m *mergeTrain) depart(ctx context.Context) {
	m.running.Lock()
	defer m.running.Unlock()
	all := m.board()
	if len(all) == 0 {
		return
	}
	ride := &sync.WaitGroup{}
	ride.Add(len(all))
	// The train goes on when the test that called it ends.
	commit, err := land(context.WithoutCancel(ctx), all)
	for _, p := range all {
		p.commit, p.err, p.ride = commit, err, ride
		close(p.merged)
	}
	ride.Wait()
}

// board returns those who wait, but for those who change a file that another one
// changes.
func (m *mergeTrain) board() (all []*passenger) {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := map[string]bool{}
	m.waiting = slices.DeleteFunc(m.waiting, func(p *passenger) bool {
		for _, change := range p.Changes {
			if taken[change.Path] {
				return false
			}
		}
		for _, change := range p.Changes {
			taken[change.Path] = true
		}
		all = append(all, p)
		return true
	})
	return all
}

// land merges the commits and has Flux fetch them.
func land(ctx context.Context, all []*passenger) (commit string, err error) {
	title := all[0].Title
	if len(all) > 1 {
		title = fmt.Sprintf("%s, and %d more", title, len(all)-1)
	}
	commits := make([]story.Commit, len(all))
	for i, p := range all {
		commits[i] = p.Commit
	}
	request, err := forge.ProposeCommits(fmt.Sprintf("train-%d", time.Now().UnixNano()), title, commits...)
	if err != nil {
		return "", err
	}
	if commit, err = forge.Merge(request); err != nil {
		return "", err
	}
	return commit, story.FetchNow(ctx, c, time.Now())
}
