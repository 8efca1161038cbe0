package plan

import (
	"fmt"
	"strings"
	"time"
)

// block is one heading of a plan and the lines below it: what text and Markdown
// have in common.
type block struct {
	title string
	lines []string
}

// Headline is the plan in one line.
func (p Plan) Headline() string {
	if len(p.Problems) > 0 {
		return "nothing happens until what is wrong is mended"
	}
	var parts []string
	switch {
	case p.New:
		parts = append(parts, "a new course")
	case p.Ended:
		parts = append(parts, "the course is removed")
	}
	for _, count := range []struct {
		n    int
		word string
	}{
		{len(p.Added) + p.Unnamed.Added, "added"}, {len(p.Removed) + p.Unnamed.Removed, "removed"}, {len(p.Moved) + p.Unnamed.Moved, "moved"},
		{len(p.Disabled) + p.Unnamed.Disabled, "stopped"}, {len(p.Enabled) + p.Unnamed.Enabled, "opened again"},
		{len(p.Resectioned) + p.Unnamed.Resectioned, "to another section"},
	} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.word))
		}
	}
	if n := len(p.Templates); n > 0 {
		parts = append(parts, plural(n, "Template")+" changed")
	}
	if len(p.Settings) > 0 {
		parts = append(parts, "settings changed")
	}
	if len(parts) == 0 {
		return "nothing changes"
	}
	return strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// blocks are the headings that have something to say.
func (p Plan) blocks() []block {
	all := []block{
		{"Wrong", p.Problems},
		{"Held by the guard", lines(p.Held, Held.words)},
		{"Added", people(p.Added, Seat.words, p.Unnamed.Added)},
		{"Removed; their volumes are kept", people(p.Removed, Removal.words, p.Unnamed.Removed)},
		{"Moved to another Template; the former volumes are kept", people(p.Moved, Move.words, p.Unnamed.Moved)},
		{"Stopped (enabled: false); their volumes are kept", people(p.Disabled, Seat.words, p.Unnamed.Disabled)},
		{"Opened again", people(p.Enabled, Seat.words, p.Unnamed.Enabled)},
		{"To another section", people(p.Resectioned, Resection.words, p.Unnamed.Resectioned)},
	}
	for _, t := range p.Templates {
		all = append(all, block{fmt.Sprintf("Template %s %s: %s", t.Name, t.Kind, t.words()), lines(t.Changes, Change.words)})
	}
	all = append(all, block{"Settings of the course", lines(p.Settings, Change.words)})
	if p.Present != nil {
		all = append(all, p.Present.blocks()...)
	}
	var said []block
	for _, b := range all {
		if len(b.lines) > 0 || strings.HasPrefix(b.title, "Template ") {
			said = append(said, b)
		}
	}
	return said
}

func lines[T any](all []T, words func(T) string) []string {
	said := make([]string, len(all))
	for i, one := range all {
		said[i] = words(one)
	}
	return said
}

// people are lines for those named, and one for the others.
func people[T any](all []T, words func(T) string, others int) []string {
	said := lines(all, words)
	if others > 0 {
		said = append(said, plural(others, "student")+" whom the change does not name")
	}
	return said
}

func (r Removal) words() string { return r.Seat.words() + keptWords(r.Volumes) }

func (m Move) words() string {
	when := ", at once"
	if m.NextStart {
		when = ", when the carrel next starts"
	}
	return m.Seat.words() + ", from " + m.From + when + keptWords(m.Volumes)
}

func (r Resection) words() string {
	from := r.From
	if from == "" {
		from = "none"
	}
	return r.Seat.words() + ", from " + from
}

func keptWords(volumes []KeptVolume) string {
	if len(volumes) == 0 {
		return "; it has no volumes"
	}
	words := make([]string, len(volumes))
	for i, v := range volumes {
		words[i] = v.Name + " for ever"
		if v.Until != nil {
			words[i] = fmt.Sprintf("%s until %s", v.Name, v.Until.Format(time.DateOnly))
		}
	}
	return "; keeps " + strings.Join(words, ", ")
}

func (c Change) words() string {
	switch {
	case c.From == "":
		return c.Path + ": now " + quoted(c.To)
	case c.To == "":
		return c.Path + ": no longer " + quoted(c.From)
	default:
		return c.Path + ": " + quoted(c.From) + " → " + quoted(c.To)
	}
}

// quoted keeps a value of several lines to one.
func quoted(value string) string {
	if strings.ContainsAny(value, "\n\r") {
		return fmt.Sprintf("%q", value)
	}
	return value
}

// title is the heading of the needs.
func (n Need) title() string {
	if n.Session == "" {
		return "Needed with everybody there"
	}
	return "Needed in the fullest session, " + n.Session
}
