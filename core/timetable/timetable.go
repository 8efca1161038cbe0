// Package timetable works out when a class meets. It is pure.
//
// A [Table] stores the rules of a timetable, and works out the sessions around the
// moment asked for. What it costs does not depend on the length of the term.
//
// Days are dates. A weekday, an excepted day or the last day of the term is a day of
// the calendar in the class's time zone, however many hours it has there.
package timetable

import (
	"cmp"
	"fmt"
	"iter"
	"time"
	_ "time/tzdata" // images of the controller have no database of time zones

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Occurrence is a session on one day.
type Occurrence struct {
	// Name is the name of the session. It may be empty.
	Name string
	// Sections are the parts of the class that take part. Empty means everybody.
	Sections []string
	// Warm is the time at which carrels are started for the session. Begin and End
	// are its own times.
	Warm, Begin, End time.Time
}

// Table answers questions about a timetable. It is safe for concurrent use.
type Table struct {
	// rules are in the order of the sessions.
	rules []rule
	// over is the time at which the term is over. It is zero if the term has no end.
	over time.Time
	zone *time.Location
}

// Moment describes a timetable at one time for the members of a section.
type Moment struct {
	// Since is the time from which carrels were to be started for the session in
	// progress, or for the last of several. It is zero if there is none.
	Since time.Time
	// Over is true when the term is over and no extra session is in progress.
	Over bool
	// Next is the time at which any of this may change. It is zero if nothing will.
	Next time.Time
}

// InSession reports whether a session is in progress, or carrels are being started
// for one.
func (m Moment) InSession() bool { return !m.Since.IsZero() }

// New reads a timetable. The errors name the field and the cure. It takes a term of
// any length, because a Course may have been stored before terms were limited.
func New(t v1alpha1.Timetable) (*Table, error) {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil || t.TimeZone == "Local" {
		return nil, fmt.Errorf("spec.timetable.timeZone: there is no time zone %q: write it as the IANA database does, such as Asia/Tokyo", t.TimeZone)
	}
	first, err := parseDay(t.Term.FirstDay, "spec.timetable.term.firstDay")
	if err != nil {
		return nil, err
	}
	table, last := &Table{zone: zone, rules: make([]rule, 0, len(t.Sessions))}, noLastDay
	if t.Term.LastDay != "" {
		if last, err = parseDay(t.Term.LastDay, "spec.timetable.term.lastDay"); err != nil {
			return nil, err
		}
		table.over = (last + 1).at(0, zone)
	}
	for i := range t.Sessions {
		r, err := newRule(&t.Sessions[i], first, last, zone, fmt.Sprintf("spec.timetable.sessions[%d]", i))
		if err != nil {
			return nil, err
		}
		// A session that begins in the term is part of it to its end.
		if end := r.lastEnd(); !table.over.IsZero() && end.After(table.over) {
			table.over = end
		}
		table.rules = append(table.rules, r)
	}
	return table, nil
}

// At describes the timetable at a time for the members of a section.
func (t *Table) At(section string, now time.Time) Moment {
	m := Moment{Over: t.isOver(now)}
	if !m.Over {
		m.Next = t.over
	}
	for i := range t.rules {
		if t.rules[i].isFor(section) {
			t.rules[i].addTo(&m, now)
		}
	}
	m.Over = m.Over && !m.InSession()
	return m
}

func (t *Table) isOver(now time.Time) bool { return !t.over.IsZero() && !now.Before(t.over) }

// addTo adds the occurrences of the rule to a moment.
func (r *rule) addTo(m *Moment, now time.Time) {
	for c := r.from(now); ; {
		o, found := c.next()
		if !found {
			return
		}
		change := o.End
		if o.Warm.After(now) {
			change = o.Warm
		} else if o.Warm.After(m.Since) {
			m.Since = o.Warm
		}
		if m.Next.IsZero() || change.Before(m.Next) {
			m.Next = change
		}
		if o.Warm.After(now) {
			return // so are all later ones
		}
	}
}

// InSession returns the indexes of the sessions that are in progress at a time, or for
// which carrels are being started.
func (t *Table) InSession(now time.Time) (indexes []int) {
	for i := range t.rules {
		c := t.rules[i].from(now)
		if o, found := c.next(); found && !o.Warm.After(now) {
			indexes = append(indexes, i)
		}
	}
	return indexes
}

// From returns the occurrences that end after a time, in the order of their
// beginning. It works out each one when it is asked for. A term without an end has no
// last one: stop early.
func (t *Table) From(after time.Time) iter.Seq[Occurrence] {
	return func(yield func(Occurrence) bool) {
		cursors := make([]cursor, len(t.rules))
		heads := make([]Occurrence, len(t.rules))
		left := make([]bool, len(t.rules))
		for i := range t.rules {
			cursors[i] = t.rules[i].from(after)
			heads[i], left[i] = cursors[i].next()
		}
		for {
			first := -1
			for i := range heads {
				if left[i] && (first < 0 || cmp.Or(heads[i].Begin.Compare(heads[first].Begin), heads[i].End.Compare(heads[first].End)) < 0) {
					first = i
				}
			}
			if first < 0 || !yield(heads[first]) {
				return
			}
			heads[first], left[first] = cursors[first].next()
		}
	}
}

// On returns the occurrences of a day, in the order of the sessions. The error names
// field, from which the date comes.
func (t *Table) On(date v1alpha1.Date, field string) ([]Occurrence, error) {
	d, err := parseDay(date, field)
	if err != nil {
		return nil, err
	}
	var found []Occurrence
	for i := range t.rules {
		found = append(found, t.rules[i].on(d)...)
	}
	return found, nil
}

// Current returns the sessions in progress. If there are none, it returns those that
// come next and begin together.
func (t *Table) Current(now time.Time) []Occurrence {
	var found []Occurrence
	for o := range t.From(now) {
		// Those in progress come first.
		if len(found) > 0 && o.Begin.After(now) && !o.Begin.Equal(found[0].Begin) {
			break
		}
		found = append(found, o)
	}
	return found
}
