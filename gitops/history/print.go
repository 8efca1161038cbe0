package history

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Formats are the output formats.
var Formats = []string{"text", "json", "csv"}

// short is the length of an abbreviated commit hash.
const short = 12

// WriteEvents writes events in one of the Formats.
func WriteEvents(out io.Writer, format string, events []Event) error {
	switch format {
	case "json":
		return writeJSON(out, events)
	case "csv":
		return writeEventsCSV(out, events)
	case "text":
		return writeEventsText(out, events)
	default:
		return unknownFormat(format)
	}
}

// WriteSnapshots writes classes in one of the Formats.
func WriteSnapshots(out io.Writer, format string, classes []Snapshot) error {
	switch format {
	case "json":
		return writeJSON(out, classes)
	case "csv":
		return writeClassCSV(out, classes)
	case "text":
		return writeClassText(out, classes)
	default:
		return unknownFormat(format)
	}
}

func unknownFormat(format string) error {
	return fmt.Errorf("no format is called %q: name one of %s", format, strings.Join(Formats, ", "))
}

func writeJSON[T any](out io.Writer, all []T) error {
	if all == nil {
		all = []T{}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(all)
}

func writeEventsText(out io.Writer, events []Event) error {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%s  %-10s %s\n", day(e.Time), e.Kind, e.what())
		for _, c := range e.Changes {
			fmt.Fprintf(&b, "            %s: %s -> %s\n", c.Field, orNone(c.From), orNone(c.To))
		}
		for _, p := range e.Problems {
			fmt.Fprintf(&b, "            %s\n", p)
		}
		fmt.Fprintf(&b, "            %s\n", e.who())
		if e.Carrel != nil {
			fmt.Fprintf(&b, "            %s\n", e.Template.versionLine())
		}
		if e.Edge {
			b.WriteString("            the clone ends at this commit: what it shows may be older (git fetch --unshallow)\n")
		}
	}
	_, err := io.WriteString(out, legible(b.String()))
	return err
}

// day returns the local date of a time, as people name days to carrel at.
func day(when time.Time) string { return when.Local().Format(time.DateOnly) }

// what describes the subject of the event: the carrel, the Template or the class.
func (e Event) what() string {
	switch {
	case e.Carrel != nil:
		text := fmt.Sprintf("%s (%s) in %s, %s", e.Carrel.User, e.Carrel.Template, e.Course, e.Carrel.Place())
		if e.Kind == Added && !e.Carrel.Enabled {
			text += ", disabled"
		}
		return text
	case e.Kind == Unreadable:
		return e.Course + ": the class could not be read, so the one before stayed"
	default:
		return fmt.Sprintf("%s in %s: %s", e.Template.Name, e.Course, strings.Join(e.Template.Images, ", "))
	}
}

func (e Event) who() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s by %s", e.Hash[:short], e.Author)
	if e.MergedBy != "" && e.MergedBy != e.Author {
		fmt.Fprintf(&b, ", merged by %s", e.MergedBy)
	}
	if e.Request != "" {
		fmt.Fprintf(&b, ", %s", e.Request)
	}
	fmt.Fprintf(&b, ": %s", e.Subject)
	return b.String()
}

func (t TemplateVersion) versionLine() string {
	if t.Name == "" {
		return "no Template"
	}
	if t.Commit == "" {
		return fmt.Sprintf("Template %s, which is not among the course's", t.Name)
	}
	return fmt.Sprintf("Template %s as of %s: %s", t.Name, t.Commit[:short], strings.Join(t.Images, ", "))
}

func orNone(text string) string {
	if text == "" {
		return "(none)"
	}
	return text
}

// legible replaces control characters, because text from commits must not control
// the terminal.
func legible(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			return '\ufffd'
		}
		return r
	}, text)
}

func writeEventsCSV(out io.Writer, events []Event) error {
	w := csv.NewWriter(out)
	rows := [][]string{{"time", "course", "kind", "user", "userland", "name", "field", "from", "to", "template", "template commit", "images",
		"commit", "author", "merged by", "request", "subject", "file", "line"}}
	for _, e := range events {
		changes := e.Changes
		if len(changes) == 0 {
			changes = []ChangedField{{}}
		}
		var c class.Student
		if e.Carrel != nil {
			c = *e.Carrel
		}
		var t TemplateVersion
		if e.Template != nil {
			t = *e.Template
		}
		for _, change := range changes {
			rows = append(rows, []string{e.Time.Format(time.RFC3339), e.Course, e.Kind, c.User, c.Userland, c.Name, change.Field, change.From, change.To,
				t.Name, t.Commit, strings.Join(t.Images, " "), e.Hash, e.Author, e.MergedBy, e.Request, e.Subject, c.File, lineText(c.Line)})
		}
	}
	return writeRows(w, rows)
}

// writeRows quotes cells that a spreadsheet would take for a formula.
func writeRows(w *csv.Writer, rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
	}
	return w.WriteAll(rows)
}

func lineText(line int) string {
	if line == 0 {
		return ""
	}
	return strconv.Itoa(line)
}

func writeClassCSV(out io.Writer, classes []Snapshot) error {
	rows := [][]string{classRow("course", "userland", "file", "line", roster.ColumnNames())}
	var unread []string
	for _, snapshot := range classes {
		if len(snapshot.Problems) > 0 {
			unread = append(unread, snapshot.unreadable()+": "+strings.Join(snapshot.Problems, "; "))
		}
		for _, c := range snapshot.Carrels {
			rows = append(rows, classRow(snapshot.Course, c.Userland, c.File, lineText(c.Line), c.Cells()))
		}
	}
	err := writeRows(csv.NewWriter(out), rows)
	if err == nil && len(unread) > 0 {
		err = errors.New(strings.Join(unread, "\n"))
	}
	return err
}

// classRow returns a line of a class in CSV. The first of the cells is the user.
func classRow(course, userland, file, line string, cells []string) []string {
	return slices.Concat([]string{course, cells[0], userland}, cells[1:], []string{file, line})
}

// unreadable explains why no carrel of the class is listed.
func (c Snapshot) unreadable() string {
	return c.Course + ": the class could not be read then, so the one before stayed (carrel history " + c.Course + " shows since when)"
}

// writeTable writes rows in columns that line up on a terminal, where East Asian letters
// are two columns wide.
func writeTable(b *strings.Builder, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columnsOf(cell))
		}
	}
	for _, row := range rows {
		for i, cell := range row {
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-columnsOf(cell)+2))
			}
		}
		b.WriteString("\n")
	}
}

// columnsOf returns how many columns of a terminal a text takes.
func columnsOf(text string) (n int) {
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case kind == width.EastAsianWide || kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func writeClassText(out io.Writer, classes []Snapshot) error {
	var b strings.Builder
	for i, snapshot := range classes {
		if i > 0 {
			b.WriteString("\n")
		}
		if len(snapshot.Problems) > 0 {
			fmt.Fprintf(&b, "%s\n  %s\n", snapshot.unreadable(), strings.Join(snapshot.Problems, "\n  "))
			continue
		}
		fmt.Fprintf(&b, "%s: %d carrels\n", snapshot.Course, len(snapshot.Carrels))
		rows := [][]string{append(roster.ColumnNames(), "file")}
		for i, head := range rows[0] {
			rows[0][i] = strings.ToUpper(head)
		}
		for _, c := range snapshot.Carrels {
			rows = append(rows, append(c.Cells(), c.Place()))
		}
		writeTable(&b, rows)
	}
	_, err := io.WriteString(out, legible(b.String()))
	return err
}
