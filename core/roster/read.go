package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// File is a file of a roster as it was found.
type File struct {
	// Name is what to call it in problems.
	Name string
	// Data is its content, in whatever encoding.
	Data []byte
}

// Row is one carrel of one student, with its place in the files.
type Row struct {
	Student
	// Place is the file and the line of the row.
	Place Place
}

// Roster is what files say. With Errors it says nothing that may be acted upon.
type Roster struct {
	// Rows are in the order of the files and their lines.
	Rows []Row
	// Errors are all that is wrong, in the same order.
	Errors []Problem
	// Warnings do no harm.
	Warnings []Problem
}

// Read reads the files of one course.
func Read(files ...File) Roster {
	var found Roster
	left := maxRows
	for _, file := range files {
		left = read(file, &found, left)
		if left < 0 {
			break
		}
	}
	// The two sides of a conflict have most rows in common.
	if !slices.ContainsFunc(found.Errors, func(p Problem) bool { return p.Cause == conflictCause }) {
		found.findTwice()
	}
	if len(found.Errors) > 0 {
		found.Warnings = nil // nothing of the roster is acted upon
	}
	return found
}

// findTwice finds rows of the same user and template, and rows of logins that differ
// only in case: nobody could tell whose work is whose. It warns of logins that look
// alike and are two people to an identity provider.
func (r *Roster) findTwice() {
	type identity struct{ user, template string }
	first, spelled, alike := make(map[identity]int, len(r.Rows)), make(map[string]int, len(r.Rows)), make(map[string]int, len(r.Rows))
	for i := range r.Rows {
		row := &r.Rows[i]
		id, person := identity{row.User, row.Template}, Person(row.User)
		if before, twice := first[id]; twice {
			r.Errors = append(r.Errors, Problem{row.Place,
				fmt.Sprintf("the same user and template as %s", r.Rows[before].Place.from(row.Place)),
				"delete one of the two lines, or name another template in one"})
			continue
		}
		first[id] = i
		shape := norm.NFKC.String(strings.ToLower(norm.NFKC.String(row.User)))
		if like, seen := alike[shape]; !seen {
			alike[shape] = i
		} else if other := r.Rows[like]; Person(other.User) != person {
			r.Warnings = append(r.Warnings, Problem{row.Place,
				fmt.Sprintf("another login than that of %s, which looks the same: the two differ in full and half width, in case, or in how accents are stored", other.Place.from(row.Place)),
				"if both are one student, write the login as the student logs in, and delete the other line"})
		}
		before, known := spelled[person]
		switch {
		case !known:
			spelled[person] = i
		case r.Rows[before].User != row.User:
			r.Errors = append(r.Errors, Problem{row.Place,
				fmt.Sprintf("the same user as %s, but for upper and lower case", r.Rows[before].Place.from(row.Place)),
				"write the login in both lines as the student logs in, or delete one of them"})
		}
	}
}

// from names the place for somebody who looks at another one.
func (p Place) from(other Place) string {
	if p.File == other.File {
		return fmt.Sprintf("line %d", p.Line)
	}
	return Place{File: p.File, Line: p.Line}.String()
}

// reader reads one file.
type reader struct {
	file    string
	out     *Roster
	csv     *csv.Reader
	columns columns
	// complete: the last line ends as a line does.
	complete bool
	// skipped is how many lines were cut off before the header.
	skipped int
	text    []byte
}

// read reads at most left lines below the header, and returns how many are left for
// other files: less than zero if the file has more.
func read(file File, out *Roster, left int) int {
	text, problem := Decode(file)
	if problem != nil {
		out.Errors = append(out.Errors, *problem)
		return left
	}
	text, comma, skipped := separator(text)
	r := &reader{
		file: file.Name, out: out, csv: csv.NewReader(bytes.NewReader(text)),
		text: text, complete: bytes.HasSuffix(text, []byte("\n")), skipped: skipped,
	}
	r.csv.Comma = comma
	r.csv.FieldsPerRecord = -1 // judged here, to say more
	r.csv.ReuseRecord = true
	if !r.header() {
		return left
	}
	return r.rows(left)
}

// header reads the line that names the columns.
func (r *reader) header() bool {
	for {
		record, err := r.csv.Read()
		switch {
		case errors.Is(err, io.EOF):
			r.fail(Place{}, "the file is empty", "begin it with a line that names the columns, such as user,name,section; to drop everybody, keep that line")
			return false
		case err != nil:
			r.failCSV(err)
			return false
		}
		if blank(record) {
			continue
		}
		line, _ := r.csv.FieldPos(0)
		columns, errs, warnings := readHeader(record)
		r.columns = columns
		for _, p := range errs {
			p.Line = line
			r.fail(p.Place, p.Cause, p.Cure)
		}
		for _, p := range warnings {
			p.Line = line
			r.out.Warnings = append(r.out.Warnings, r.at(p.Place, p.Cause, p.Cure))
		}
		return len(errs) == 0
	}
}

// rows reads the other lines: at most left of them that are not blank. It returns how
// many are left.
func (r *reader) rows(left int) int {
	for {
		record, err := r.csv.Read()
		if errors.Is(err, io.EOF) {
			return left
		}
		if err == nil && blank(record) {
			continue
		}
		if left--; left < 0 {
			r.fail(Place{Line: r.line(err)}, fmt.Sprintf("more than %d rows in the rosters of one course", maxRows), "divide the class into several courses")
			return left
		}
		if err != nil {
			r.failCSV(err)
			continue
		}
		r.row(record)
	}
}

// line returns the line of the record read last, or of the error.
func (r *reader) line(err error) int {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return parse.StartLine
	}
	line, _ := r.csv.FieldPos(0)
	return line
}

func (r *reader) row(record []string) {
	line, _ := r.csv.FieldPos(0)
	place := Place{Line: line}
	switch {
	case conflict.MatchString(record[0]):
		r.fail(place, conflictCause, conflictCure)
		return
	case r.columns.isHeader(record):
		r.fail(place, "the names of the columns are here again", "delete this line")
		return
	}
	switch last := !r.complete && r.csv.InputOffset() == int64(len(r.text)); {
	case len(record) < r.columns.count && last:
		r.fail(place, fmt.Sprintf("the file breaks off after %d of %d cells", len(record), r.columns.count),
			"fetch the file again; if this is all of it, end the line with a line break")
		return
	case len(record) > r.columns.count && blank(record[r.columns.count:]):
		// Left out, the blank cells could hide that a name was cut at its comma.
		r.fail(place, fmt.Sprintf("%d cells, but the first line names %d columns, and the cells at the end are empty", len(record), r.columns.count),
			`delete the separators at the end of the line, which Excel leaves; if a cell contains the separator, put it into quotes, such as "Sato, Yuki"`)
		return
	case len(record) > r.columns.count:
		r.fail(place, fmt.Sprintf("%d cells, but the first line names %d columns", len(record), r.columns.count),
			`put a cell that contains the separator into quotes, such as "Sato, Yuki"`)
		return
	}
	student, errs := r.columns.student(record)
	for _, p := range errs {
		p.Line = line
		r.fail(p.Place, p.Cause, p.Cure)
	}
	if len(errs) > 0 {
		return
	}
	r.out.Rows = append(r.out.Rows, Row{student, r.at(place, "", "").Place})
}

// failCSV tells what is wrong with the quotes, which is all that can be.
func (r *reader) failCSV(err error) {
	var parse *csv.ParseError
	if !errors.As(err, &parse) {
		r.fail(Place{}, err.Error(), "")
		return
	}
	begins := Place{Line: parse.StartLine}
	switch {
	case errors.Is(err, csv.ErrQuote) && r.ended(parse):
		r.fail(begins, "a quoted cell begins here and the file ends before it does",
			"close the quotes; if they are closed in the original, the file was cut off: fetch it again")
	case errors.Is(err, csv.ErrQuote) && parse.Line > parse.StartLine:
		r.fail(begins, fmt.Sprintf("a quoted cell begins here and ends only in line %d", parse.Line+r.skipped),
			"close the quotes where the cell ends")
	case errors.Is(err, csv.ErrQuote):
		r.fail(begins, "a quoted cell goes on after its quotes",
			`write a quote inside quotes twice, such as "Yuki ""Yu"" Sato", and close what is open`)
	case strings.Contains(r.lineOf(parse.Line), `="`):
		r.fail(Place{Line: parse.Line}, `a spreadsheet's formula, ="..."`, "write only what stands between the quotes")
	default:
		r.fail(Place{Line: parse.Line}, `a quote (") inside a cell that does not begin with one`,
			`put the whole cell into quotes and write the quote twice, such as "Yuki ""Yu"" Sato"`)
	}
}

// lineOf returns a line of the text, counted from 1.
func (r *reader) lineOf(n int) string {
	for line := range strings.Lines(string(r.text)) {
		if n--; n == 0 {
			return line
		}
	}
	return ""
}

// ended reports whether an error is that of the end of the file, and not of a
// quote in the line read last.
func (r *reader) ended(err *csv.ParseError) bool {
	read := r.text[:r.csv.InputOffset()]
	line := read[bytes.LastIndexByte(bytes.TrimSuffix(read, []byte("\n")), '\n')+1:]
	return err.Column > len(line) || line[err.Column-1] != '"'
}

func (r *reader) fail(place Place, cause, cure string) {
	r.out.Errors = append(r.out.Errors, r.at(place, cause, cure))
}

func (r *reader) at(place Place, cause, cure string) Problem {
	place.File = r.file
	if place.Line > 0 {
		place.Line += r.skipped
	}
	return Problem{place, cause, cure}
}

// blank reports whether a line has nothing in it, as spreadsheets leave below
// their tables.
func blank(record []string) bool {
	for _, cell := range record {
		if strings.TrimSpace(cell) != "" {
			return false
		}
	}
	return true
}
