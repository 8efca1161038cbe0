package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carrel-dev/carrel/core/roster"
)

// block is a heading of a plan with its lines. Text and Markdown share it.
type block struct {
	title string
	lines []string
}

// Headline returns the plan in one line.
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
		{len(p.Regrouped) + p.Unnamed.Regrouped, "to another " + p.parts()},
		{len(p.Respelled) + p.Unnamed.Respelled, "with another spelling of the login"},
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

// blocks returns the headings that have lines.
func (p Plan) blocks() []block {
	all := []block{
		{"Wrong", p.Problems},
		{"Held by the guard", lines(p.Held, Held.heldLine)},
		{"Counted by the guard", p.Counted.lines()},
		{"Added", people(p.Added, studentLine, p.Unnamed.Added)},
		{"Removed; their volumes are kept", people(p.Removed, Removal.removalLine, p.Unnamed.Removed)},
		{"Probably a typo in the login", lines(p.Typos, Typo.typoLine)},
		{"Kept work of students who come back", lines(p.Returns, Return.returnLine)},
		{"The login is corrected in upper and lower case; the work goes along", people(p.Respelled, Respelling.respellingLine, p.Unnamed.Respelled)},
		{"Moved to another Template; volumes of the same name go along", people(p.Moved, Move.moveLine, p.Unnamed.Moved)},
		{"Stopped (enabled: false); their volumes are kept", people(p.Disabled, studentLine, p.Unnamed.Disabled)},
		{"Opened again", people(p.Enabled, studentLine, p.Unnamed.Enabled)},
		{"To another " + p.parts(), people(p.Regrouped, Regrouping.regroupingLine, p.Unnamed.Regrouped)},
	}
	for _, t := range p.Templates {
		all = append(all, block{fmt.Sprintf("Template %s %s: %s", t.Name, t.Kind, t.effect()), lines(t.Changes, FieldChange.changeLine)})
	}
	all = append(all, block{"Settings of the course", lines(p.Settings, FieldChange.changeLine)})
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

func lines[T any](all []T, line func(T) string) []string {
	said := make([]string, len(all))
	for i, one := range all {
		said[i] = line(one)
	}
	return said
}

// people returns a line for each named student, and one line that counts the
// others.
func people[T any](all []T, line func(T) string, others int) []string {
	said := lines(all, line)
	if others > 0 {
		said = append(said, plural(others, "student")+" not named in the change")
	}
	return said
}

func (r Removal) removalLine() string { return studentLine(r.Student) + keptSuffix(r.Volumes) }

// moveLine describes a move. A carrel that runs keeps its former Template until then.
func (m Move) moveLine() string {
	text := studentLine(m.Student) + ", from " + m.From + ", when the carrel next starts"
	if len(m.Along) > 0 {
		text += "; goes along: " + strings.Join(m.Along, ", ")
	}
	if len(m.Volumes) > 0 {
		text += keptSuffix(m.Volumes)
	}
	if len(m.Fresh) > 0 {
		text += "; new: " + strings.Join(m.Fresh, ", ")
	}
	return text
}

func (r Respelling) respellingLine() string {
	text := studentLine(r.Student) + ", from " + r.From
	if r.FromTemplate != r.Template {
		text += " and from " + r.FromTemplate
	}
	return text + ", at once"
}

func (r Regrouping) regroupingLine() string {
	return studentLine(r.Student) + ", from " + r.Column + " " + cmp.Or(r.From, "none")
}

// parts names the columns that Regrouped is about: "section", or "section or team".
func (p Plan) parts() string {
	var names []string
	for _, column := range roster.Groups() {
		all := len(p.Regrouped) == 0 // none is named
		if all || slices.ContainsFunc(p.Regrouped, func(r Regrouping) bool { return r.Column == column.Name }) {
			names = append(names, column.Name)
		}
	}
	return strings.Join(names, " or ")
}

func keptSuffix(volumes []KeptVolume) string {
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

func (c FieldChange) changeLine() string {
	switch {
	case c.From == "":
		return c.Path + ": now " + quoted(c.To)
	case c.To == "":
		return c.Path + ": no longer " + quoted(c.From)
	default:
		return c.Path + ": " + quoted(c.From) + " → " + quoted(c.To)
	}
}

// quoted quotes a value of several lines, so that it fits on one.
func quoted(value string) string {
	if strings.ContainsAny(value, "\n\r") {
		return fmt.Sprintf("%q", value)
	}
	return value
}

// title returns the heading of the table of needs.
func (n Need) title() string {
	if n.Session == "" {
		return "Needed with everybody there"
	}
	return "Needed in the fullest session, " + n.Session
}
