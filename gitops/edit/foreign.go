package edit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/roster"
)

// Columns says which column of another program's file is what; those empty are
// found by their usual names.
type Columns struct{ User, Name, Section string }

// ReadForeign reads the students of a file from a learning platform or a
// spreadsheet: CSV with a line of column names. Moodle's first name and last name
// become one.
func ReadForeign(name string, data []byte, columns Columns) ([]roster.Row, error) {
	text := strings.TrimPrefix(string(data), byteOrder)
	c := &CSV{comma: ','}
	text = c.separator(text)
	reader := csv.NewReader(strings.NewReader(text))
	reader.Comma, reader.FieldsPerRecord = c.comma, -1
	records, err := reader.ReadAll()
	if err != nil || len(records) == 0 {
		// The roster's own reader tells best what is wrong.
		if errs := roster.Read(roster.File{Name: name, Data: data}).Errors; len(errs) > 0 {
			return nil, Problems(errs)
		}
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if err := rename(records[0], columns, name); err != nil {
		return nil, err
	}
	joinNames(records)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(records); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	read := roster.Read(roster.File{Name: name, Data: b.Bytes()})
	if len(read.Errors) > 0 {
		return nil, Problems(read.Errors)
	}
	return read.Rows, nil
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
