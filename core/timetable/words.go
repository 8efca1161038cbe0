package timetable

import (
	"fmt"
	"strings"
	"time"
)

// Summary says in words which session is in progress or comes next, in the time
// of the class, and when to say something else; zero: never.
func (t *Table) Summary(now time.Time) (text string, until time.Time) {
	sessions := t.Current(now)
	if len(sessions) == 0 {
		if now.Before(t.over) {
			return "no more sessions; the term ends " + t.date(t.over.Add(-time.Second)), t.over
		}
		return "the term is over", time.Time{}
	}
	until = sessions[0].Begin
	if !until.After(now) {
		until = sessions[0].End
	}
	texts := make([]string, 0, len(sessions))
	for _, o := range sessions {
		if o.End.Before(until) {
			until = o.End
		}
		texts = append(texts, t.describe(o, now))
	}
	return strings.Join(texts, "; "), until
}

func (t *Table) date(at time.Time) string { return at.In(t.zone).Format("Mon 2 Jan 2006") }

func (t *Table) describe(o Occurrence, now time.Time) string {
	begin, end := o.Begin.In(t.zone), o.End.In(t.zone)
	when := fmt.Sprintf("%s %s–%s", t.date(begin), begin.Format("15:04"), end.Format("15:04"))
	if !o.Begin.After(now) {
		when = "now, until " + end.Format("15:04")
	}
	if o.Name != "" {
		when += " " + o.Name
	}
	if len(o.Sections) > 0 {
		when += " (" + strings.Join(o.Sections, ", ") + ")"
	}
	return when
}

// Words name a session: "Mon 5 Oct 2026 09:00 Lab (a, b)".
func (o Occurrence) Words() string {
	words := o.Begin.Format("Mon 2 Jan 2006 15:04")
	if o.Name != "" {
		words += " " + o.Name
	}
	if len(o.Sections) > 0 {
		words += " (" + strings.Join(o.Sections, ", ") + ")"
	}
	return words
}
