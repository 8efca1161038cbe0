package volume_test

import (
	"cmp"
	"errors"
	"slices"

	"github.com/carrel-dev/carrel/core/volume"
)

// Outcomes for a volume of a carrel. Any other outcome is the name of a claim.
const (
	given     = "a claim"
	fresh     = "fresh"
	undecided = "undecided"
	foreign   = "of another user"
)

// outcome returns the decision of Attach, by volume. After an error, only the volume that
// the error is about has an outcome.
func (c *class) outcome(d *desk, a volume.Attachments, err error) map[string]string {
	got := map[string]string{}
	var open *volume.UndecidedError
	var other *volume.OtherUserError
	switch {
	case errors.As(err, &open):
		got[open.At.Volume] = undecided
	case errors.As(err, &other):
		got[c.find(other.Claim).volume] = foreign
	case err != nil:
		c.history.fail("%s: %v", d.name, err)
	}
	for _, used := range a.Used {
		got[used.Volume.Name] = fresh
		if used.Claim == nil {
			continue
		}
		mine := c.find(used.Name)
		got[used.Volume.Name] = mine.name()
		if person(mine.owner) != person(d.user) || mine.volume != used.Volume.Name {
			c.history.fail("%s of %s is given %s of %s for %s", d.name, d.user, mine.name(), mine.owner, used.Volume.Name)
		}
	}
	return got
}

// act returns the minute of the latest reset or restore; 0 if there was none.
func (c *claim) act() int { return max(c.reset, c.restored) }

func (c *class) spelledTwice(user string) bool {
	return slices.ContainsFunc(c.of(user), func(name string) bool { return c.desks[name].user != user })
}

// oracle returns the outcomes that the table of decision 16 demands for a carrel. It uses
// the truth about the claims, not their marks.
func (c *class) oracle(name string) map[string]string {
	d := c.desks[name]
	want := map[string]string{}
	for _, v := range c.volumesNow(d) {
		want[v] = c.says(d, v)
	}
	return want
}

// volumesNow returns the volumes of the next Deployment of a carrel. A carrel whose pod
// runs keeps its volumes.
func (c *class) volumesNow(d *desk) []string {
	if d.pod != nil && d.resetAt == 0 && d.wanted {
		return volumesOf[d.madeOf]
	}
	return volumesOf[d.template]
}

func (c *class) says(d *desk, v string) string {
	counts, open := c.counts(d, v)
	switch {
	case d.resetAt > 0 && (open || counts != nil && counts.act() < d.resetAt):
		return fresh
	case open:
		return undecided
	case counts == nil && c.foreigner(d, v):
		return foreign
	case counts == nil:
		return fresh
	}
	switch rivals := c.rivals(d, v, counts); {
	case len(rivals) == 0:
		return counts.name()
	case counts.worked || counts.act() > 0:
		if d.resetAt > 0 {
			return fresh
		}
		return undecided
	case rivals[0] < d.name:
		return fresh
	default:
		return counts.name()
	}
}

// rivals returns the names of the other carrels for which the claim counts, if nobody has
// it.
func (c *class) rivals(d *desk, v string, counts *claim) (names []string) {
	for _, name := range c.of(d.user) {
		rival := c.desks[name]
		if rival == d || !slices.Contains(c.volumesOfDesk(rival), v) || c.has(rival, counts) != nobody {
			continue
		}
		if same, open := c.counts(rival, v); same == counts && !open {
			names = append(names, name)
		}
	}
	return names
}

func (c *class) volumesOfDesk(d *desk) []string {
	all := slices.Clone(volumesOf[d.template])
	for v := range d.deployment {
		all = append(all, v)
	}
	return all
}

// foreigner reports whether the name of the Userland was that of another person, who is
// not in the course and left work.
func (c *class) foreigner(d *desk, v string) bool {
	return slices.ContainsFunc(c.claims, func(one *claim) bool {
		return one.carrel == d.name && one.volume == v && person(one.owner) != person(d.user) && len(c.of(one.owner)) == 0
	})
}

type holder int

const (
	nobody holder = iota
	this
	another
)

// has reports whether this desk, another desk of the user, or nobody has a claim.
func (c *class) has(d *desk, one *claim) holder {
	by := func(test func(*desk) bool) holder {
		found := nobody
		for _, name := range c.of(d.user) {
			if other := c.desks[name]; test(other) {
				if other == d {
					return this
				}
				found = another
			}
		}
		return found
	}
	if mounts := by(func(other *desk) bool { return other.deployment[one.volume] == one.name() }); mounts != nobody {
		return mounts
	}
	return by(func(other *desk) bool {
		return other.name == one.carrel && (other.user == one.owner || !c.spelledTwice(d.user))
	})
}

// counts returns the claim that counts for a carrel by the table, and nil for a fresh one.
// It reports whether that is open, because several claims count equally.
func (c *class) counts(d *desk, v string) (counts *claim, open bool) {
	mine, otherSpelling := c.candidates(d, v)
	if len(mine) == 0 {
		return nil, len(otherSpelling) > 0
	}
	// The rules of the table, in their order.
	mine = latest(mine, (*claim).act)
	mine = where(mine, func(one *claim) bool { return one.worked })
	mine = where(mine, func(one *claim) bool { return d.deployment[v] == one.name() })
	mine = where(mine, func(one *claim) bool { return one.carrel == d.name })
	mine = where(mine, func(one *claim) bool { return one.template == d.template })
	if mine[0].worked {
		return mine[0], len(mine) > 1
	}
	return slices.MinFunc(mine, func(a, b *claim) int { return cmp.Or(a.created-b.created, cmp.Compare(a.name(), b.name())) }), false
}

// candidates returns the claims that may count for a volume of a carrel, and those with
// work that may be the user's under another spelling of the login.
func (c *class) candidates(d *desk, v string) (mine, otherSpelling []*claim) {
	for _, one := range c.claims {
		switch {
		case one.volume != v || person(one.owner) != person(d.user):
		case one.owner != d.user && c.spelledTwice(d.user):
			if one.worked && one.restored == 0 {
				otherSpelling = append(otherSpelling, one)
			}
		case c.has(d, one) == this, c.has(d, one) == nobody && c.mayTake(d, one):
			mine = append(mine, one)
		}
	}
	return mine, otherSpelling
}

// mayTake reports whether a carrel may be given a claim that nobody has.
func (c *class) mayTake(d *desk, one *claim) bool {
	alone := !slices.ContainsFunc(c.of(d.user), func(name string) bool { return name != d.name && c.desks[name].user == d.user })
	worksAlready := slices.ContainsFunc(c.claims, func(has *claim) bool { return has.worked && d.deployment[one.volume] == has.name() })
	return (alone || one.template == d.template) && (!worksAlready || one.restored > 0)
}

// where returns the claims for which is returns true, or all claims if there are none.
func where(all []*claim, is func(*claim) bool) []*claim {
	if some := slices.DeleteFunc(slices.Clone(all), func(one *claim) bool { return !is(one) }); len(some) > 0 {
		return some
	}
	return all
}

func latest(all []*claim, of func(*claim) int) []*claim {
	last := of(slices.MaxFunc(all, func(a, b *claim) int { return of(a) - of(b) }))
	return where(all, func(one *claim) bool { return of(one) == last })
}
