package edit

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	utf16 "golang.org/x/text/encoding/unicode"

	"github.com/carrel-dev/carrel/core/roster"
)

// Columns names the columns of another program's file, by the names of the roster's
// columns. A column without a name is looked for by its usual names.
type Columns map[string]string

// Import is the content of another program's file.
type Import struct {
	Rows []roster.Row
	// Templates is true if the file has a column of Templates.
	Templates bool
}

// ReadForeign reads a file of a learning platform or a spreadsheet: CSV whose first
// line names the columns. It joins first and last names in the order of their language,
// and leaves out teachers.
func ReadForeign(name string, data []byte, columns Columns) (Import, error) {
	data = asUTF8(data)
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
	records, starts = withoutTeachers(records, starts)
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
	for _, column := range roster.Columns {
		name := column.Name
		called := columns[name]
		switch {
		case called != "":
		case name == "user" && !slices.ContainsFunc(header, isUser):
			called = usual(header, "sis login id", "ユーザ名", "ユーザー名", "ログインid")
		case name == "name":
			called = usual(header, "氏名", "student")
		}
		if called == "" {
			continue
		}
		at := slices.IndexFunc(header, func(cell string) bool { return strings.EqualFold(strings.TrimSpace(cell), called) })
		if at < 0 {
			return fmt.Errorf("%s has no column %q: it has %s", file, called, strings.Join(header, ", "))
		}
		for i, cell := range header {
			if strings.EqualFold(strings.TrimSpace(cell), name) {
				header[i] = "other " + name
			}
		}
		header[at] = name
	}
	return nil
}

func isUser(cell string) bool { return roster.ColumnOf("user").Called(cell) }

// usual returns the first of the names that the header has, or "".
func usual(header []string, names ...string) string {
	for _, name := range names {
		if find([][]string{header}, name) >= 0 {
			return name
		}
	}
	return ""
}

// joinNames joins Moodle's first and last names into the column name.
func joinNames(records [][]string) {
	first, last := find(records, "first name", "firstname", "given name", "名"), find(records, "last name", "lastname", "surname", "family name", "姓")
	if first < 0 || last < 0 || find(records, "name", "full name", "fullname") >= 0 {
		return
	}
	familyFirst := slices.Contains([]string{"名", "姓"}, strings.TrimSpace(records[0][last]))
	records[0][first] = "name"
	for _, r := range records[1:] {
		switch {
		case first >= len(r) || last >= len(r):
		case familyFirst || isEastAsian(r[last]):
			r[first] = strings.TrimSpace(r[last] + " " + r[first])
		default:
			r[first] = strings.TrimSpace(r[first] + " " + r[last])
		}
	}
}

// find returns the index of a column, or -1.
func find(records [][]string, names ...string) int {
	return slices.IndexFunc(records[0], func(cell string) bool {
		return slices.Contains(names, strings.ToLower(strings.TrimSpace(cell)))
	})
}

// isEastAsian reports whether a name is written in Chinese, Japanese or Korean letters,
// with which the family name comes first.
func isEastAsian(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
	})
}

// withoutTeachers leaves out the participants whose role is not that of a student, and
// the lines with which Canvas says how many points there are.
func withoutTeachers(records [][]string, starts []int) ([][]string, []int) {
	role, user := find(records, "role", "roles", "ロール"), find(records, "user", "username")
	var kept [][]string
	var lines []int
	for i, r := range records {
		if i > 0 && (role >= 0 && role < len(r) && isTeacher(r[role]) || isPoints(r, user)) {
			continue
		}
		kept, lines = append(kept, r), append(lines, starts[i])
	}
	return kept, lines
}

func isTeacher(role string) bool {
	role = strings.ToLower(strings.TrimSpace(role))
	return role != "" && !slices.ContainsFunc([]string{"student", "learner", "学生", "受講者"}, func(word string) bool { return strings.Contains(role, word) })
}

func isPoints(r []string, user int) bool {
	return user >= 0 && user < len(r) && strings.TrimSpace(r[user]) == "" && strings.EqualFold(strings.TrimSpace(r[0]), "points possible")
}

// asUTF8 returns the text of exports in UTF-16 (Blackboard, Excel's Unicode text) and
// in Shift_JIS (Japanese campus systems) as UTF-8, and all else as it is.
func asUTF8(data []byte) []byte {
	var decoder *encoding.Decoder
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xfe")), bytes.HasPrefix(data, []byte("\xfe\xff")):
		decoder = utf16.UTF16(utf16.LittleEndian, utf16.UseBOM).NewDecoder()
	case !utf8.Valid(data) && roster.IsShiftJIS(data):
		decoder = japanese.ShiftJIS.NewDecoder()
	default:
		return data
	}
	text, err := decoder.Bytes(data)
	if err != nil {
		return data // the roster's own reader reports the encoding
	}
	return text
}
