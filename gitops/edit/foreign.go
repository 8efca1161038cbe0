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

// Columns names the columns of another program's file. An empty name stands for the
// column's usual names.
type Columns struct{ User, Name, Section string }

// Import is the content of another program's file.
type Import struct {
	Rows []roster.Row
	// Templates is true if the file has a column of Templates.
	Templates bool
}

// ReadForeign reads a file of a learning platform or a spreadsheet: CSV whose first
// line names the columns. It joins Moodle's first and last name.
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
		// The roster's own reader gives the best error message.
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
		text = strings.TrimSuffix(text, "\n") // the file may be truncated, so keep its unfinished last line
	}
	read := roster.Read(roster.File{Name: name, Data: []byte(text)})
	if len(read.Errors) > 0 {
		return Import{}, Problems(read.Errors)
	}
	return Import{Rows: read.Rows, Templates: c.column("template") >= 0}, nil
}

// readAll returns all records, and the line at which each begins.
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

// inPlace writes each record into its original line, so that problems name the
// lines of the original file.
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

// rename replaces the given column names by those of a roster.
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

// joinNames joins Moodle's first and last names into the column name.
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
