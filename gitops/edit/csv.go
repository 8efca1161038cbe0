// Package edit changes rosters in place: CSV files and files of single students.
// What is not changed stays byte for byte: line ends, byte order mark, quotes,
// columns that are not read, comments. What the rules of rosters refuse is refused
// with all that is wrong, and then nothing is written.
package edit

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/carrel-dev/carrel/core/roster"
)

const byteOrder = "\ufeff"

// Problems are all that is wrong with a roster.
type Problems []roster.Problem

// Error lists them, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// CSV is a roster that is being edited.
type CSV struct {
	name string
	// before is what precedes the first record: byte order mark, sep=.
	before string
	end    string
	comma  rune
	header record
	lines  []record
}

// record is a line as it stands, its line end included, and its cells.
type record struct {
	raw   string
	cells []string
}

func (r record) blank() bool {
	return !slices.ContainsFunc(r.cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// columnNames are what each column that is read may be called.
var columnNames = map[string][]string{
	"user": {"user", "username"}, "name": {"name", "full name", "fullname"},
	"template": {"template"}, "section": {"section"}, "enabled": {"enabled"},
}

// Parse reads a roster. One that has errors is not edited: they are returned as
// Problems.
func Parse(name string, data []byte) (*CSV, error) {
	if errs := roster.Read(roster.File{Name: name, Data: data}).Errors; len(errs) > 0 {
		return nil, Problems(errs)
	}
	c := &CSV{name: name, end: "\n", comma: ','}
	text, marked := strings.CutPrefix(string(data), byteOrder)
	if marked {
		c.before = byteOrder
	}
	if strings.Contains(text, "\r\n") {
		c.end = "\r\n"
	}
	text = c.separator(text)
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = c.comma, -1
	from := int64(0)
	for {
		cells, err := reader.Read()
		to := reader.InputOffset()
		if errors.Is(err, io.EOF) {
			// Empty lines at the end.
			if rest := text[from:]; rest != "" {
				c.lines = append(c.lines, record{raw: rest})
			}
			return c, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		// Empty lines before it are passed over; they stay when it goes.
		begin := from + int64(emptyLines(text[from:to]))
		empty, r := text[from:begin], record{text[begin:to], cells}
		from = to
		switch {
		case empty == "":
		case c.header.cells == nil:
			c.before += empty
		default:
			c.lines = append(c.lines, record{raw: empty})
		}
		switch {
		case c.header.cells == nil && r.blank():
			c.before += r.raw
		case c.header.cells == nil:
			c.header = r
		default:
			c.lines = append(c.lines, r)
		}
	}
}

// emptyLines is the length of the empty lines that a text begins with.
func emptyLines(text string) int {
	rest := text
	for strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return len(text) - len(rest)
}

// separator finds what separates cells as package roster does; what is read in
// the end is compared, so that the two can't differ unseen.
func (c *CSV) separator(text string) string {
	first, after, _ := strings.Cut(text, "\n")
	if sep, says := strings.CutPrefix(strings.TrimRight(first, "\r"), "sep="); says && len(sep) == 1 {
		c.before, c.comma = c.before+first+"\n", rune(sep[0])
		return after
	}
	header, _, _ := strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	best := strings.Count(header, ",")
	for _, other := range []rune{';', '\t'} {
		if n := strings.Count(header, string(other)); n > best {
			c.comma, best = other, n
		}
	}
	return text
}

// column is where a field stands; -1 if nowhere.
func (c *CSV) column(field string) int {
	for _, name := range columnNames[field] {
		for i, cell := range c.header.cells {
			if strings.EqualFold(strings.TrimSpace(cell), name) {
				return i
			}
		}
	}
	return -1
}

func (c *CSV) cell(r record, field string) string {
	if at := c.column(field); at >= 0 && at < len(r.cells) {
		return strings.TrimSpace(r.cells[at])
	}
	return ""
}

// Add appends a row. It is an error if the roster has no column for what the row
// says.
func (c *CSV) Add(row roster.Row) error {
	if strings.TrimSpace(row.User) == "" {
		return errors.New("no user: name what the student logs in with")
	}
	r := record{cells: make([]string, len(c.header.cells))}
	if err := c.fill(&r, row); err != nil {
		return err
	}
	c.endLast()
	c.lines = append(c.lines, r)
	return nil
}

// Update gives the rows of a user whose Template is meant what another says. It
// reports whether there is one. Empty name and section leave what is there, and so
// do Template and whether the carrel is enabled: a learning platform knows nothing
// of those.
func (c *CSV) Update(row roster.Row, meant func(template string) bool) (there bool, err error) {
	for i := range c.lines {
		r := &c.lines[i]
		if r.blank() || c.cell(*r, "user") != row.User || !meant(c.cell(*r, "template")) {
			continue
		}
		there = true
		wanted := row
		wanted.Template = c.cell(*r, "template")
		wanted.Name = cmp.Or(row.Name, c.cell(*r, "name"))
		wanted.Section = cmp.Or(row.Section, c.cell(*r, "section"))
		was := c.rowOf(*r)
		wanted.Enabled = was.Enabled
		if was != wanted {
			err = errors.Join(err, c.fill(r, wanted))
		}
	}
	return there, err
}

func (c *CSV) rowOf(r record) roster.Row {
	line := roster.Read(roster.File{Data: []byte(c.text(c.header.cells) + c.text(r.cells))})
	if len(line.Rows) != 1 {
		return roster.Row{}
	}
	row := line.Rows[0]
	row.Place = roster.Place{}
	return row
}

// fill writes a row into a record, keeping cells of other columns and words such
// as yes that already say what is wanted.
func (c *CSV) fill(r *record, row roster.Row) error {
	was := c.rowOf(*r)
	for len(r.cells) < len(c.header.cells) {
		r.cells = append(r.cells, "")
	}
	for _, f := range []struct{ field, value string }{{"user", row.User}, {"name", row.Name}, {"template", row.Template}, {"section", row.Section}} {
		at := c.column(f.field)
		if at < 0 && f.value != "" {
			return fmt.Errorf("%s has no column %s: add it to the first line, or leave it out", c.name, f.field)
		}
		if at >= 0 && strings.TrimSpace(r.cells[at]) != f.value {
			r.cells[at] = f.value
		}
	}
	at := c.column("enabled")
	switch {
	case at < 0 && !row.Enabled:
		return fmt.Errorf("%s has no column enabled: add it to the first line", c.name)
	case at >= 0 && was.User != "" && was.Enabled != row.Enabled, at >= 0 && was.User == "" && !row.Enabled:
		r.cells[at] = strconv.FormatBool(row.Enabled)
	}
	r.raw = c.text(r.cells)
	return nil
}

// text writes cells, quoting those that need it.
func (c *CSV) text(cells []string) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = c.comma
	_ = w.Write(cells) // to memory
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n") + c.end
}

// Remove drops the rows whose user and Template are meant.
func (c *CSV) Remove(meant func(user, template string) bool) {
	c.lines = slices.DeleteFunc(c.lines, func(r record) bool {
		return !r.blank() && meant(c.cell(r, "user"), c.cell(r, "template"))
	})
}

// Sort puts the lines in the order of a column, then of users; empty lines go to
// the end.
func (c *CSV) Sort(field string) error {
	if c.column(field) < 0 {
		return fmt.Errorf("%s has no column %s to sort by", c.name, field)
	}
	c.endLast()
	slices.SortStableFunc(c.lines, func(a, b record) int {
		if a.blank() != b.blank() {
			if a.blank() {
				return 1
			}
			return -1
		}
		return cmp.Or(strings.Compare(c.cell(a, field), c.cell(b, field)), strings.Compare(c.cell(a, "user"), c.cell(b, "user")))
	})
	return nil
}

// endLast ends the last line, as a line after it demands.
func (c *CSV) endLast() {
	last := &c.header
	if len(c.lines) > 0 {
		last = &c.lines[len(c.lines)-1]
	}
	if !strings.HasSuffix(last.raw, "\n") {
		last.raw += c.end
	}
}

// Bytes is the roster as edited.
func (c *CSV) Bytes() []byte {
	var b strings.Builder
	b.WriteString(c.before)
	b.WriteString(c.header.raw)
	for _, r := range c.lines {
		b.WriteString(r.raw)
	}
	return []byte(b.String())
}
