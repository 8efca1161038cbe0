package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
	"github.com/carrel-dev/carrel/test/student"
)

const (
	// course names the course of the class. Its carrels are terminals.
	course = "sandbox"
	// templateFile holds the Template that teachers edit.
	templateFile = "courses/base/webterm/template.yaml"
	// typesEvery is the time between two messages of a student.
	typesEvery = time.Second
	// atOnce bounds what is done for several students side by side.
	atOnce = 4
)

// chaos holds the state of one run.
type chaos struct {
	*story.Stage
	seed     uint64
	lasts    time.Duration
	students int

	story.Site
	repository story.Repository

	class []*student.Student
	// claims are those of the class when it began to work.
	claims map[string]string
	// declared holds the users of the course.
	declared map[string]bool
	// template is the text of templateFile before anybody edited it.
	template string
	merges   int
	told     told
}

// users returns the logins of the class.
func (c *chaos) users() (users []string) {
	for i := range c.students {
		users = append(users, fmt.Sprintf("s%02d", i+1))
	}
	return users
}

// begin starts a cluster with the class, and has everybody type.
func (c *chaos) begin(ctx context.Context) (err error) {
	if err := c.Cluster.Up(ctx); err != nil {
		return err
	}
	if c.Site, err = c.Cluster.Open(ctx, c.users()...); err != nil {
		return err
	}
	if err := c.makeRepository(ctx); err != nil {
		return err
	}
	if err := story.Bootstrap(ctx, c.Client, c.Forge, c.Gateway, c.Cluster.Root); err != nil {
		return err
	}
	commit, err := c.Forge.Head()
	if err != nil {
		return err
	}
	if err := c.follow(ctx, story.InstalledWithin, commit); err != nil {
		return err
	}
	if err := c.comeAll(ctx); err != nil {
		return err
	}
	c.claims, err = student.Claims(ctx, c.Client)
	return err
}

// makeRepository pushes a repository whose cluster has the course of the class alone.
func (c *chaos) makeRepository(ctx context.Context) (err error) {
	if c.repository, err = story.Clone(ctx, c.Cluster.Root, c.File("repository")); err != nil {
		return err
	}
	if err := c.repository.Replace("clusters/local/courses/kustomization.yaml", 1, "  - prog1\n  - database\n", ""); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(c.repository.Dir, filepath.Dir(story.StudentPath(course, "")), "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	c.declared = map[string]bool{}
	for _, user := range c.users() {
		c.declared[user] = true
		if err := c.repository.Put(story.StudentPath(course, user), story.StudentFile(user)); err != nil {
			return err
		}
	}
	template, err := os.ReadFile(filepath.Join(c.repository.Dir, templateFile))
	if err != nil {
		return err
	}
	c.template = string(template)
	if err := c.repository.Commit(ctx, "chaos", "Make a cluster for the worst day"); err != nil {
		return err
	}
	return c.Forge.Push(ctx, c.repository.Dir)
}

// comeAll has the class log in and type, until the program ends.
func (c *chaos) comeAll(ctx context.Context) error {
	working, leave := context.WithCancel(ctx)
	c.AtEnd(func(context.Context) error { leave(); return nil })
	c.class = make([]*student.Student, c.students)
	coming, logins := errgroup.WithContext(ctx)
	coming.SetLimit(atOnce)
	for i, user := range c.users() {
		coming.Go(func() (err error) {
			c.class[i], err = c.comes(logins, working, user)
			return err
		})
	}
	if err := coming.Wait(); err != nil {
		return err
	}
	c.Say("everybody types: a message in each %s", typesEvery)
	return nil
}

// comes has a student log in and open their terminal.
func (c *chaos) comes(ctx, working context.Context, user string) (*student.Student, error) {
	visitor, err := story.LogIn(ctx, c.Gateway, user)
	if err != nil {
		return nil, err
	}
	address := c.Gateway.CarrelURL(course, roster.UserlandName(user))
	if err := visitor.HandOver(ctx, address); err != nil {
		return nil, err
	}
	return student.Begin(working, visitor, user, address, typesEvery, func(ctx context.Context) ([]string, error) {
		out, err := c.Cluster.Kubectl(ctx, "exec", "--namespace="+course, "deploy/"+roster.UserlandName(user), "--", "cat", student.WorkFile)
		return strings.Fields(out), err
	})
}
