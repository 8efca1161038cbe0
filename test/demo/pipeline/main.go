// Command pipeline checks the merge requests at the demo's forge until it is interrupted,
// as ci/gitea/carrel.yaml does at a forge with runners: each request gets a comment and
// the status carrel/check, and again when it has a new commit.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

// looksEvery is the time between two looks at the open requests.
const looksEvery = 2 * time.Second

func main() {
	story.Main(story.Program{Name: "pipeline", Joins: true, Acts: func(s *story.Stage) []story.Act {
		p := &pipeline{Stage: s}
		return []story.Act{
			{Title: "The pipeline is made of this work tree", Do: p.build},
			{Title: "Merge requests are checked until you press Ctrl-C", Do: p.check},
		}
	}})
}

// pipeline holds the forge and the path of the command line.
type pipeline struct {
	*story.Stage
	forge  *story.Forge
	carrel string
}

func (p *pipeline) build(ctx context.Context) error {
	access, err := p.Cluster.Forge(ctx)
	if err != nil {
		return err
	}
	if p.forge, err = story.OpenForge(ctx, access); err != nil {
		return err
	}
	p.carrel, err = p.Cluster.BuildCarrel(ctx, p.Dir)
	return err
}

// check checks merge requests until the context ends, which is no error.
func (p *pipeline) check(ctx context.Context) error {
	p.Say("watching %s", p.forge.URL)
	for {
		if err := p.checkAll(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(looksEvery):
		}
	}
}

// checkAll checks the open requests whose newest commit has no status of a check.
func (p *pipeline) checkAll(ctx context.Context) error {
	requests, err := p.forge.Unchecked()
	if err != nil {
		return err
	}
	for _, request := range requests {
		checked, err := p.forge.Check(ctx, p.carrel, request)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(p.Out, "%s: %s %s\n", request.URL, checked.Status.State, checked.Status.Description)
	}
	return nil
}
