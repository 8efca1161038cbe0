package timetable

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// defaultPrewarm is the kind's default.
	defaultPrewarm = 10 * time.Minute
	// maxDuration and maxPrewarm are the kind's limits. They bound how far from a
	// moment its sessions lie.
	maxDuration = 24 * time.Hour
	maxPrewarm  = 12 * time.Hour
)

// rule stores when one session takes place. Its size is proportional to what the
// teacher wrote, whatever the length of the term.
type rule struct {
	name     string
	sections []string
	zone     *time.Location
	// first and last are the first and the last day of the term.
	first, last day
	weekdays    [daysPerWeek]bool
	// start is a time since midnight.
	start, duration, prewarm time.Duration
	// except maps each day that is left out to the next weekly day that is not. That
	// day may lie after the term.
	except map[day]day
	// extra is ordered by begin.
	extra []extraDay
}

type extraDay struct {
	day      day
	begin    time.Time
	duration time.Duration
}

// newRule reads a session. Its errors name the field, whose path begins with field.
func newRule(s *v1alpha1.Session, first, last day, zone *time.Location, field string) (rule, error) {
	r := rule{name: s.Name, sections: s.Sections, zone: zone, first: first, last: last, prewarm: defaultPrewarm}
	for _, name := range s.Weekdays {
		for weekday := range r.weekdays {
			if time.Weekday(weekday).String() == string(name) {
				r.weekdays[weekday] = true
			}
		}
	}
	var err error
	if r.start, err = parseStart(s.Start, field+".start"); err != nil {
		return r, err
	}
	if r.duration, err = checkDuration(s.Duration.Duration, field+".duration"); err != nil {
		return r, err
	}
	if s.Prewarm != nil {
		r.prewarm = s.Prewarm.Duration
	}
	if r.prewarm < 0 || r.prewarm > maxPrewarm {
		return r, fmt.Errorf("%s.prewarm: %v is out of range: write a time from 0s to 12h", field, r.prewarm)
	}
	if err := r.readExcept(s.Except, field+".except"); err != nil {
		return r, err
	}
	return r, r.readExtra(s.Extra, field+".extra")
}

func (r *rule) readExcept(dates []v1alpha1.Date, field string) error {
	days := make([]day, 0, len(dates))
	for i, date := range dates {
		d, err := parseDay(date, fmt.Sprintf("%s[%d]", field, i))
		if err != nil {
			return err
		}
		if r.weekdays[d.weekday()] {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	r.except = make(map[day]day, len(days))
	for _, d := range slices.Backward(days) {
		r.except[d] = r.next(d + 1)
	}
	return nil
}

func (r *rule) readExtra(extra []v1alpha1.ExtraSession, field string) error {
	r.extra = make([]extraDay, 0, len(extra))
	for i, e := range extra {
		field := fmt.Sprintf("%s[%d]", field, i)
		d, err := parseDay(e.Date, field+".date")
		if err != nil {
			return err
		}
		start, duration := r.start, r.duration
		if e.Start != "" {
			if start, err = parseStart(e.Start, field+".start"); err != nil {
				return err
			}
		}
		if e.Duration != nil {
			if duration, err = checkDuration(e.Duration.Duration, field+".duration"); err != nil {
				return err
			}
		}
		if begin, exists := d.begin(start, r.zone); exists {
			r.extra = append(r.extra, extraDay{day: d, begin: begin, duration: duration})
		}
	}
	slices.SortStableFunc(r.extra, func(a, b extraDay) int {
		return cmp.Or(a.begin.Compare(b.begin), cmp.Compare(a.duration, b.duration))
	})
	return nil
}

func parseStart(text v1alpha1.TimeOfDay, field string) (time.Duration, error) {
	clock, err := time.Parse("15:04", string(text))
	if err != nil {
		return 0, fmt.Errorf("%s: %q is no time of day: write it as 09:00", field, text)
	}
	return time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute, nil
}

func checkDuration(d time.Duration, field string) (time.Duration, error) {
	if d <= 0 || d > maxDuration {
		return 0, fmt.Errorf("%s: %v is out of range: write a time over 0s, at most 24h", field, d)
	}
	return d, nil
}

// isFor reports whether the session is for a section.
func (r *rule) isFor(section string) bool {
	return len(r.sections) == 0 || slices.Contains(r.sections, section)
}

// next returns the first weekly day of the session from d on that is not left out.
// Its cost does not depend on how many days are left out. The result lies after the
// term if there is none in it.
func (r *rule) next(d day) day {
	d = max(d, r.first)
	for range daysPerWeek {
		if r.weekdays[d.weekday()] {
			break
		}
		d++
	}
	if !r.weekdays[d.weekday()] {
		return r.last + 1 // no weekdays
	}
	if later, found := r.except[d]; found {
		return later
	}
	return d
}

// lastEnd returns when the last weekly session ends. It returns zero if there is
// none, or no last one.
func (r *rule) lastEnd() time.Time {
	if r.last == noLastDay {
		return time.Time{}
	}
	// Going back, each step passes a day that is no day of the week or left out.
	for d, steps := r.last, daysPerWeek*(len(r.except)+1); d >= r.first && steps > 0; d, steps = d-1, steps-1 {
		if r.next(d) == d {
			if begin, exists := d.begin(r.start, r.zone); exists {
				return begin.Add(r.duration)
			}
		}
	}
	return time.Time{}
}

func (r *rule) occurrence(begin time.Time, duration time.Duration) Occurrence {
	return Occurrence{Name: r.name, Sections: r.sections, Warm: begin.Add(-r.prewarm), Begin: begin, End: begin.Add(duration)}
}

// on returns the occurrences of a day.
func (r *rule) on(d day) (found []Occurrence) {
	if d <= r.last && r.next(d) == d {
		if begin, exists := d.begin(r.start, r.zone); exists {
			found = append(found, r.occurrence(begin, r.duration))
		}
	}
	for _, extra := range r.extra {
		if extra.day == d {
			found = append(found, r.occurrence(extra.begin, extra.duration))
		}
	}
	return found
}

// cursor walks through the occurrences of a rule that end after a time, in the order
// of their beginning.
type cursor struct {
	rule  *rule
	after time.Time
	// weekly is the next weekly day, and begin when its session begins.
	weekly day
	begin  time.Time
	// extra is the index of the next extra day.
	extra int
}

// from returns a cursor for the occurrences that end after a time.
func (r *rule) from(after time.Time) cursor {
	c := cursor{rule: r, after: after}
	// A session that the clocks move past midnight belongs to the day before.
	c.seek(dayOf(after.Add(-r.duration), r.zone) - 1)
	c.extra = sort.Search(len(r.extra), func(i int) bool { return r.extra[i].begin.Add(maxDuration).After(after) })
	return c
}

// seek sets the next weekly day to the first from d on.
func (c *cursor) seek(d day) {
	exists := false
	for c.weekly = c.rule.next(d); c.weekly <= c.rule.last; c.weekly = c.rule.next(c.weekly + 1) {
		if c.begin, exists = c.weekly.begin(c.rule.start, c.rule.zone); exists {
			return
		}
	}
}

// next returns the next occurrence, and false if there is none.
func (c *cursor) next() (Occurrence, bool) {
	for {
		o, found := c.take()
		if !found || o.End.After(c.after) {
			return o, found
		}
	}
}

func (c *cursor) take() (Occurrence, bool) {
	weekly, extra := c.weekly <= c.rule.last, c.extra < len(c.rule.extra)
	switch {
	case weekly && (!extra || !c.rule.extra[c.extra].begin.Before(c.begin)):
		o := c.rule.occurrence(c.begin, c.rule.duration)
		c.seek(c.weekly + 1)
		return o, true
	case extra:
		e := c.rule.extra[c.extra]
		c.extra++
		return c.rule.occurrence(e.begin, e.duration), true
	default:
		return Occurrence{}, false
	}
}
