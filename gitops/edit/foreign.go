package edit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/core/roster"
)

// Columns says which column of another program's file is what; those empty are
// found by their usual names.
type Columns struct{ User, Name, Section string }

// Import is what another program's file says.
type Import struct {
	Rows []roster.Row
	// Templates: the file has a column of them.
	Templates bool
}

// ReadForeign reads the students of a file from a learning platform or a
// spreadsheet: CSV with a line of column names. Moodle's first name and last name
// become one.
func ReadForeign(name string, data []byte, columns Columns) (Import, error) {
	legible, problem := roster.Decode(roster.File{Name: name, Data: data})
	if problem != nil {
		return Import{}, Problems{*problem}
	}
	c := &CSV{comma: ',', end: "\n"}
	reader := csv.NewReader(strings.NewReader(c.separator(string(legible))))
	reader.Comma, reader.FieldsPerRecord = c.comma, -1
	records, starts, err := readAll(reader)
	if err != nil || len(records) == 0 {
		// The roster's own reader tells best what is wrong.
		if errs := roster.Read(roster.File{Name: name, Data: data}).Errors; len(errs) > 0 {
			return Import{}, Problems(errs)
		}
		return Import{}, fmt.Errorf("read %s: %w", name, err)
	}
	if err := rename(records[0], columns, name); err != nil {
		return Import{}, err
	}
	joinNames(records)
	c.header.cells = records[0]
	text := c.before + c.inPlace(records, starts)
	if !bytes.HasSuffix(legible, []byte("\n")) {
		text = strings.TrimSuffix(text, "\n") // it may have been cut off
	}
	read := roster.Read(roster.File{Name: name, Data: []byte(text)})
	if len(read.Errors) > 0 {
		return Import{}, Problems(read.Errors)
	}
	return Import{Rows: read.Rows, Templates: c.column("template") >= 0}, nil
}

// readAll reads all records, and in which line each begins.
func readAll(reader *csv.Reader) (records [][]string, starts []int, err error) {
	for {
		r, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return records, starts, nil
		}
		if err != nil {
			return nil, nil, err
		}
		line, _ := reader.FieldPos(0)
		records, starts = append(records, r), append(starts, line)
	}
}

// inPlace writes records, each into the line it had, so that problems name that.
func (c *CSV) inPlace(records [][]string, starts []int) string {
	var b strings.Builder
	line := 1
	for i, r := range records {
		text := strings.Repeat("\n", starts[i]-line) + c.text(r)
		line += strings.Count(text, "\n")
		b.WriteString(text)
	}
	return b.String()
}

// rename calls the columns that are named what the roster calls them.
func rename(header []string, columns Columns, file string) error {
	for _, c := range []struct{ is, called string }{{"user", columns.User}, {"name", columns.Name}, {"section", columns.Section}} {
		if c.called == "" {
			continue
		}
		at := slices.IndexFunc(header, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), c.called) })
		if at < 0 {
			return fmt.Errorf("%s has no column %q: it has %s", file, c.called, strings.Join(header, ", "))
		}
		for i, cell := range header {
			if strings.EqualFold(strings.TrimSpace(cell), c.is) {
				header[i] = "other " + c.is
			}
		}
		header[at] = c.is
	}
	return nil
}

// joinNames makes a name of Moodle's two.
func joinNames(records [][]string) {
	find := func(names ...string) int {
		return slices.IndexFunc(records[0], func(cell string) bool {
			return slices.Contains(names, strings.ToLower(strings.TrimSpace(cell)))
		})
	}
	first, last := find("first name", "firstname", "名"), find("last name", "lastname", "surname", "姓")
	if first < 0 || last < 0 || find("name", "full name", "fullname") >= 0 {
		return
	}
	records[0][first] = "name"
	for _, r := range records[1:] {
		if first < len(r) && last < len(r) {
			r[first] = strings.TrimSpace(r[first] + " " + r[last])
		}
	}
}
