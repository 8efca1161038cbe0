package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/test/story"
	"github.com/carrel-dev/carrel/test/student"
)

// course names the course whose students work in terminals.
const course = "sandbox"

// class lists the students who work. The last one comes when the present release runs.
var class = []string{"carol", "dave", "erin"}

// upgrade holds the state of one run.
type upgrade struct {
	*story.Stage
	story.Site
	// repository is the clone that is pushed.
	repository story.Repository

	students []*student.Student
	// before holds what the cluster had before the present step.
	before *snapshot
}

// install starts a node with the images of both releases, and installs the previous one.
func (u *upgrade) install(ctx context.Context) error {
	archives, err := u.previousImages(ctx)
	if err != nil {
		return err
	}
	if err := u.Cluster.Up(ctx); err != nil {
		return err
	}
	if err := u.Cluster.Load(ctx, archives...); err != nil {
		return err
	}
	if u.Site, err = u.Cluster.Open(ctx, class...); err != nil {
		return err
	}
	if u.repository, err = u.clone(ctx, u.File("repository")); err != nil {
		return err
	}
	if err := u.become(ctx, previousCommit(), previousTag, "Install the previous release"); err != nil {
		return err
	}
	if err := story.Bootstrap(ctx, u.Client, u.Forge, u.Gateway, u.Cluster.Root); err != nil {
		return err
	}
	if err := u.settle(ctx, previousTag); err != nil {
		return err
	}
	commit, err := u.Forge.Head()
	if err != nil {
		return err
	}
	return u.Follow(ctx, story.Installed(u.Forge, commit)...)
}

// settle waits until all processes run images of the tag, and Flux has applied the newest
// commit everywhere.
func (u *upgrade) settle(ctx context.Context, tag string) error {
	commit, err := u.Forge.Head()
	if err != nil {
		return err
	}
	var milestones []story.Milestone
	for _, name := range story.Courses {
		milestones = append(milestones, story.Applied(u.Forge, u.Client, name, commit))
	}
	for _, name := range []string{"carrel-crds", "carrel-policy", "carrel", "carrel-gateway", "courses"} {
		milestones = append(milestones, story.AppliedBy(u.Forge, u.Client, "flux-system", name, commit))
	}
	for _, name := range deployments {
		milestones = append(milestones, u.runs(name, tag))
	}
	milestones = append(milestones, u.carrelsReady()...)
	for i := range milestones {
		milestones[i].Within = story.InstalledWithin
	}
	return u.Follow(ctx, milestones...)
}

// work has all students but the last begin to work, and records what the cluster has.
func (u *upgrade) work(ctx context.Context) error {
	for _, name := range class[:len(class)-1] {
		if err := u.comes(ctx, name); err != nil {
			return err
		}
	}
	if err := u.raiseHand(ctx, class[0]); err != nil {
		return err
	}
	before, err := u.snapshot(ctx)
	u.before = before
	return err
}

// forward merges the present release.
func (u *upgrade) forward(ctx context.Context) error {
	if err := u.become(ctx, "origin/HEAD", "dev", "Upgrade"); err != nil {
		return err
	}
	if err := u.settle(ctx, "dev"); err != nil {
		return err
	}
	return u.check(ctx)
}

// back has one more student come, and merges the previous release again.
func (u *upgrade) back(ctx context.Context) error {
	if err := u.comes(ctx, class[len(class)-1]); err != nil {
		return err
	}
	after, err := u.snapshot(ctx)
	if err != nil {
		return err
	}
	u.before = after
	if err := u.become(ctx, previousCommit(), previousTag, "Go back"); err != nil {
		return err
	}
	if err := u.settle(ctx, previousTag); err != nil {
		return err
	}
	return u.check(ctx)
}

// after passes between the settling of a cluster and the comparison, since a fault of a new
// controller may need a moment.
const after = 30 * time.Second

// check compares the cluster with what it had before, and asks each student.
func (u *upgrade) check(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(after):
	}
	now, err := u.snapshot(ctx)
	if err != nil {
		return err
	}
	found := u.before.lost(now)
	for _, s := range u.students {
		sent, err := s.Settled(ctx)
		if closed, messages := s.Told(); closed > 0 {
			err = errors.Join(err, fmt.Errorf("the WebSocket of %s was closed %d times, with %d messages", s.User, closed, messages))
		}
		if err != nil {
			found = append(found, err)
			continue
		}
		u.Say("%s: %d messages sent and answered, all lines in the file, one WebSocket", s.User, sent)
	}
	u.Say("%d pods, %d claims and %d statuses compared", len(u.before.pods), len(u.before.claims), len(u.before.statuses))
	return errors.Join(found...)
}
