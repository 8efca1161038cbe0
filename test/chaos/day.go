package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/test/student"
)

// told counts the WebSockets that were closed, and the messages that had no answer then.
type told struct{ closed, messages int }

// day makes one fault happen after the other, until the time is over.
func (c *chaos) day(ctx context.Context) error {
	d := newDeck(c.seed, nil)
	faults := c.faults(d)
	d.names = slices.Sorted(maps.Keys(faults))
	begin := time.Now()
	rounds := 0
	for ; time.Since(begin) < c.lasts; rounds++ {
		name := d.next()
		_, _ = fmt.Fprintf(c.Out, "\n  %d. %s\n", rounds+1, name)
		if err := c.round(ctx, faults[name]()); err != nil {
			return fmt.Errorf("fault %d, %s, -seed=%d: %w", rounds+1, name, c.seed, err)
		}
	}
	c.Say("%d faults in %s; %d WebSockets were closed, with %d messages; nothing else was lost", rounds, time.Since(begin).Round(time.Second), c.told.closed, c.told.messages)
	return nil
}

// round merges something, makes a fault happen and end, and checks what the class has.
func (c *chaos) round(ctx context.Context, f *fault) error {
	what, commit, err := c.merge()
	if err != nil {
		return fmt.Errorf("merge %s: %w", what, err)
	}
	c.Say("merged %s", what)
	if err := c.strike(ctx, f); err != nil {
		return err
	}
	ended := time.Now()
	if err := c.follow(ctx, declaredWithin, commit); err != nil {
		return err
	}
	c.Say("as declared %.0f s after the end of the fault", time.Since(ended).Seconds())
	return c.check(ctx)
}

// strike makes a fault happen, and ends it after its time.
func (c *chaos) strike(ctx context.Context, f *fault) (err error) {
	struck, err := f.begin(ctx)
	defer func() { err = errors.Join(err, f.end()) }()
	if err != nil {
		return err
	}
	c.Say("%d processes struck, for %s", struck, f.lasts)
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(f.lasts):
		return nil
	}
}

// check asks each student of the class what they miss, and compares their claims.
func (c *chaos) check(ctx context.Context) error {
	var messages atomic.Int64
	found := make([]error, len(c.class))
	asked, limited := errgroup.WithContext(ctx)
	asked.SetLimit(atOnce)
	for i, s := range c.class {
		asked.Go(func() error {
			sent, err := s.Settled(limited)
			messages.Add(int64(sent))
			found[i] = err
			return nil
		})
	}
	_ = asked.Wait()
	claims, err := student.Claims(ctx, c.Client)
	if err != nil {
		return err
	}
	var now told
	for _, s := range c.class {
		closed, messages := s.Told()
		now.closed, now.messages = now.closed+closed, now.messages+messages
	}
	c.Say("%d students: %d messages so far; %d WebSockets closed by this, with %d messages; files compared, %d claims",
		len(c.class), messages.Load(), now.closed-c.told.closed, now.messages-c.told.messages, len(c.claims))
	c.told = now
	return errors.Join(append(found, student.Differences("claim", c.claims, claims)...)...)
}
