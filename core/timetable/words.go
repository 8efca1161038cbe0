package timetable

import (
	"fmt"
	"strings"
	"time"
)

// namedSessions and namedSections bound how much a summary lists. The rest is
// counted.
const (
	namedSessions = 5
	namedSections = 5
)

// Summary describes the session in progress, or the next one, in the time of the
// class. until is the time at which the text changes. It is zero if it never does.
func (t *Table) Summary(now time.Time) (text string, until time.Time) {
	sessions := t.Current(now)
	switch {
	case len(sessions) > 0:
	case t.over.IsZero():
		return "no more sessions", time.Time{}
	case t.isOver(now):
		return "the term is over", time.Time{}
	default:
		return "no more sessions; the term ends " + t.date(t.over.Add(-time.Second)), t.over
	}
	until = sessions[0].Begin
	if !until.After(now) {
		until = sessions[0].End
	}
	var texts []string
	for i, o := range sessions {
		if o.End.Before(until) {
			until = o.End
		}
		if i < namedSessions {
			texts = append(texts, t.describe(o, now))
		}
	}
	if more := len(sessions) - namedSessions; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
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
	return o.label(when)
}

// Words returns when the session begins and what it is, such as "Mon 5 Oct 2026
// 09:00 Lab (a, b)".
func (o Occurrence) Words() string { return o.label(o.Begin.Format("Mon 2 Jan 2006 15:04")) }

// label appends the name and the sections to a text.
func (o Occurrence) label(text string) string {
	if o.Name != "" {
		text += " " + o.Name
	}
	if len(o.Sections) == 0 {
		return text
	}
	named := o.Sections[:min(namedSections, len(o.Sections))]
	text += " (" + strings.Join(named, ", ")
	if more := len(o.Sections) - len(named); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + ")"
}
