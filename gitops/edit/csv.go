// Package edit changes rosters in place: CSV files and files of single students.
// What it does not change stays byte for byte: line ends, byte order mark, quotes,
// unknown columns and comments. If the rules of rosters refuse the result, Save
// returns all problems and writes nothing.
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

// Problems is an error that lists everything wrong with a roster.
type Problems []roster.Problem

// Error returns the problems, one per line.
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
	// before is the text before the first record: byte order mark, sep= line and
	// empty lines.
	before string
	end    string
	comma  rune
	header record
	lines  []record
}

// record is one line of the file, including its line end, and its cells.
type record struct {
	raw   string
	cells []string
}

func (r record) blank() bool {
	return !slices.ContainsFunc(r.cells, func(cell string) bool { return strings.TrimSpace(cell) != "" })
}

// Parse reads a roster. If the roster is invalid, it returns Problems.
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
			// The rest consists of empty lines.
			if rest := text[from:]; rest != "" {
				c.lines = append(c.lines, record{raw: rest})
			}
			return c, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		// The reader skips empty lines before a record. Keep them as records of
		// their own, so that they stay when the record is removed.
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

// emptyLines returns the length of the empty lines at the beginning of text.
func emptyLines(text string) int {
	rest := text
	for strings.HasPrefix(rest, "\n") || strings.HasPrefix(rest, "\r\n") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return len(text) - len(rest)
}

// separator returns text without its sep= line, and sets the cell separator by the
// rules of package roster. Rows are read back by that package, so a difference
// between the two shows.
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

// column returns the index of a column, or -1 if there is none. The column's own name
// comes before the names that other programs give it.
func (c *CSV) column(name string) int {
	own := slices.IndexFunc(c.header.cells, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), name) })
	if column := roster.ColumnOf(name); own < 0 && column != nil {
		for _, alias := range column.Aliases {
			if at := slices.IndexFunc(c.header.cells, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), alias) }); at >= 0 {
				return at
			}
		}
	}
	return own
}

func (c *CSV) cell(r record, field string) string {
	if at := c.column(field); at >= 0 && at < len(r.cells) {
		return strings.TrimSpace(r.cells[at])
	}
	return ""
}

// Add appends a row. It returns an error if the row sets a field for which the
// roster has no column.
func (c *CSV) Add(row roster.Student) error {
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

// Update sets the name and the parts of the class in a user's rows for whose Template
// meant returns true. It reports whether there is such a row. An empty cell leaves the
// cell as it is. Template and enabled always stay, because a learning platform does not
// know them.
func (c *CSV) Update(row roster.Student, meant func(template string) bool) (there bool, err error) {
	for i := range c.lines {
		r := &c.lines[i]
		if r.blank() || c.cell(*r, "user") != row.User || !meant(c.cell(*r, "template")) {
			continue
		}
		there = true
		was := c.student(*r)
		wanted := was
		for _, column := range roster.Columns {
			if cell := column.Cell(row); cell != "" && column.Name != "template" && column.Name != "enabled" {
				column.Set(&wanted, cell)
			}
		}
		if was != wanted {
			err = errors.Join(err, c.fill(r, wanted))
		}
	}
	return there, err
}

// student returns the student of a record. It is zero if the record is no row.
func (c *CSV) student(r record) roster.Student {
	if all := studentsOf(c.name, []byte(c.text(c.header.cells)+c.text(r.cells))); len(all) == 1 {
		return all[0]
	}
	return roster.Student{}
}

// fill writes a row into a record. It keeps the cells of other columns, and words
// such as yes that already have the wanted meaning.
func (c *CSV) fill(r *record, row roster.Student) error {
	was := c.student(*r)
	for len(r.cells) < len(c.header.cells) {
		r.cells = append(r.cells, "")
	}
	for _, column := range roster.Columns {
		if column.Name == "enabled" {
			continue
		}
		at, cell := c.column(column.Name), column.Cell(row)
		if at < 0 && cell != "" {
			return fmt.Errorf("%s has no column %s: add it to the first line, or leave it out", c.name, column.Name)
		}
		if at >= 0 && strings.TrimSpace(r.cells[at]) != cell {
			r.cells[at] = cell
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

// text returns cells as one line, with quotes where needed.
func (c *CSV) text(cells []string) string {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = c.comma
	_ = w.Write(cells) // writing to memory can't fail
	w.Flush()
	return strings.TrimSuffix(b.String(), "\n") + c.end
}

// Remove removes the rows for which meant returns true.
func (c *CSV) Remove(meant func(user, template string) bool) {
	c.lines = slices.DeleteFunc(c.lines, func(r record) bool {
		return !r.blank() && meant(c.cell(r, "user"), c.cell(r, "template"))
	})
}

// Sort sorts the lines by a column, then by user. Empty lines move to the end.
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

// endLast adds a line end to the last line if it lacks one.
func (c *CSV) endLast() {
	last := &c.header
	if len(c.lines) > 0 {
		last = &c.lines[len(c.lines)-1]
	}
	if !strings.HasSuffix(last.raw, "\n") {
		last.raw += c.end
	}
}

// Bytes returns the edited roster.
func (c *CSV) Bytes() []byte {
	var b strings.Builder
	b.WriteString(c.before)
	b.WriteString(c.header.raw)
	for _, r := range c.lines {
		b.WriteString(r.raw)
	}
	return []byte(b.String())
}
