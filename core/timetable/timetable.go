// Package timetable works out when a class meets. It is pure.
package timetable

import (
	"cmp"
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // images of the controller have no database of time zones

	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// defaultPrewarm is that of the kind.
const defaultPrewarm = 10 * time.Minute

// Occurrence is a session on one day.
type Occurrence struct {
	// Name is that of the session; may be empty.
	Name string
	// Sections are those it is for; empty means everybody.
	Sections []string
	// Warm is when carrels are started for it; Begin and End are its own times.
	Warm, Begin, End time.Time
}

// isFor reports whether somebody of a section takes part.
func (o Occurrence) isFor(section string) bool {
	return len(o.Sections) == 0 || slices.Contains(o.Sections, section)
}

// Table is a timetable worked out, safe for concurrent use.
type Table struct {
	// occurrences are in the order of their beginning.
	occurrences []Occurrence
	// over is when the term is.
	over time.Time
	zone *time.Location
}

// Moment is what a timetable says about somebody at a time.
type Moment struct {
	// Since is when carrels were to be started for the session in progress, the
	// last one if there are several; zero: there is none.
	Since time.Time
	// Over is set when the term is, but for sessions that are extra.
	Over bool
	// Next is when any of this may change; zero: never.
	Next time.Time
}

// InSession reports whether a session is in progress, or carrels are being
// started for one.
func (m Moment) InSession() bool { return !m.Since.IsZero() }

// New works out a timetable. Its errors name the field and the cure.
func New(t v1alpha1.Timetable) (*Table, error) {
	zone, err := time.LoadLocation(t.TimeZone)
	if err != nil || t.TimeZone == "Local" {
		return nil, fmt.Errorf("spec.timetable.timeZone: there is no time zone %q: write it as the IANA database does, such as Asia/Tokyo", t.TimeZone)
	}
	first, err := day(t.Term.FirstDay, zone, "spec.timetable.term.firstDay")
	if err != nil {
		return nil, err
	}
	last, err := day(t.Term.LastDay, zone, "spec.timetable.term.lastDay")
	if err != nil {
		return nil, err
	}
	table := &Table{zone: zone, over: last.AddDate(0, 0, 1)}
	for i := range t.Sessions {
		if err := table.add(&t.Sessions[i], first, last, fmt.Sprintf("spec.timetable.sessions[%d]", i)); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(table.occurrences, func(a, b Occurrence) int {
		return cmp.Or(a.Begin.Compare(b.Begin), a.End.Compare(b.End))
	})
	return table, nil
}

// add works out a session. One that begins in the term is part of it to its end.
func (t *Table) add(s *v1alpha1.Session, first, last time.Time, field string) error {
	except := sets.New[time.Time]()
	for i, date := range s.Except {
		off, err := day(date, t.zone, fmt.Sprintf("%s.except[%d]", field, i))
		if err != nil {
			return err
		}
		except.Insert(off)
	}
	for date := first; !date.After(last); date = date.AddDate(0, 0, 1) {
		if slices.Contains(s.Weekdays, v1alpha1.Weekday(date.Weekday().String())) && !except.Has(date) {
			o, err := occurrence(s, date, s.Start, s.Duration.Duration, field)
			if err != nil {
				return err
			}
			t.occurrences = append(t.occurrences, o)
			if o.End.After(t.over) {
				t.over = o.End
			}
		}
	}
	return t.addExtra(s, field)
}

func (t *Table) addExtra(s *v1alpha1.Session, field string) error {
	for i, extra := range s.Extra {
		field := fmt.Sprintf("%s.extra[%d]", field, i)
		date, err := day(extra.Date, t.zone, field+".date")
		if err != nil {
			return err
		}
		duration := s.Duration.Duration
		if extra.Duration != nil {
			duration = extra.Duration.Duration
		}
		o, err := occurrence(s, date, cmp.Or(extra.Start, s.Start), duration, field)
		if err != nil {
			return err
		}
		t.occurrences = append(t.occurrences, o)
	}
	return nil
}

// occurrence is a session on a day. A time the clocks skip on that day is the
// one as long after midnight; a session lasts as long as it says, whatever the
// clocks do meanwhile.
func occurrence(s *v1alpha1.Session, date time.Time, start v1alpha1.TimeOfDay, duration time.Duration, field string) (Occurrence, error) {
	clock, err := time.Parse("15:04", string(start))
	if err != nil {
		return Occurrence{}, fmt.Errorf("%s.start: %q is no time of day: write it as 09:00", field, start)
	}
	begin := time.Date(date.Year(), date.Month(), date.Day(), clock.Hour(), clock.Minute(), 0, 0, date.Location())
	prewarm := defaultPrewarm
	if s.Prewarm != nil {
		prewarm = s.Prewarm.Duration
	}
	return Occurrence{Name: s.Name, Sections: s.Sections, Warm: begin.Add(-prewarm), Begin: begin, End: begin.Add(duration)}, nil
}

// day is the midnight with which a day begins.
func day(date v1alpha1.Date, zone *time.Location, field string) (time.Time, error) {
	begin, err := time.ParseInLocation(time.DateOnly, string(date), zone)
	if err != nil {
		return begin, fmt.Errorf("%s: there is no day %q: write it as 2027-04-12", field, date)
	}
	return begin, nil
}

// At says what the timetable means for somebody of a section at a time.
func (t *Table) At(section string, now time.Time) Moment {
	m := Moment{Over: !now.Before(t.over)}
	if !m.Over {
		m.Next = t.over
	}
	for _, o := range t.occurrences {
		if !o.isFor(section) {
			continue
		}
		if !now.Before(o.Warm) && now.Before(o.End) && o.Warm.After(m.Since) {
			m.Since = o.Warm
		}
		for _, change := range []time.Time{o.Warm, o.End} {
			if change.After(now) && (m.Next.IsZero() || change.Before(m.Next)) {
				m.Next = change
			}
		}
	}
	m.Over = m.Over && !m.InSession()
	return m
}

// Sessions are all there are, in the order of their beginning.
func (t *Table) Sessions() []Occurrence { return slices.Clone(t.occurrences) }

// Current are the sessions in progress or, if there are none, those that come
// next, which begin together.
func (t *Table) Current(now time.Time) []Occurrence {
	var current, next []Occurrence
	for _, o := range t.occurrences {
		switch {
		case !now.Before(o.End):
		case !now.Before(o.Begin):
			current = append(current, o)
		case len(next) == 0 || next[0].Begin.Equal(o.Begin):
			next = append(next, o)
		}
	}
	if len(current) > 0 {
		return current
	}
	return next
}
