package roster

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// columns tells which cell of a line is what.
type columns struct {
	// fields holds for each cell what it is read as; nil where it is not read.
	fields []*field
	count  int
}

// field is a column that is read.
type field struct {
	name string
	// aliases are what other programs call it.
	aliases []string
	read    func(*Row, string) (cause, cure string)
}

var fields = []*field{
	{"user", []string{"username"}, readUser},
	{"name", []string{"full name", "fullname"}, readName},
	{"template", nil, readTemplate},
	{"section", nil, readSection},
	{"enabled", nil, readEnabled},
}

// identities are columns of other programs that may hold what a student logs in
// with. Which, only a person can tell.
var identities = []string{"email address", "email", "e-mail", "id number", "login", "student id", "メールアドレス", "学籍番号"}

// readHeader finds the columns. Problems come without a line.
func readHeader(record []string) (found columns, errs, warnings []Problem) {
	if len(record) > maxColumns {
		return found, []Problem{{Cause: fmt.Sprintf("%d columns, at most %d", len(record), maxColumns), Cure: "delete the columns that are not read"}}, nil
	}
	found = columns{fields: make([]*field, len(record)), count: len(record)}
	heads := make([]string, len(record))
	for i, cell := range record {
		heads[i] = strings.ToLower(strings.TrimSpace(cell))
	}
	for _, f := range fields {
		at := slices.Index(heads, f.name)
		for _, alias := range f.aliases {
			if at < 0 {
				at = slices.Index(heads, alias)
			}
		}
		if at >= 0 {
			found.fields[at] = f
		}
	}
	for i, head := range heads {
		place := Place{Column: i + 1, Header: printable(head)}
		switch {
		case found.fields[i] != nil || head == "":
		case slices.Contains(heads[:i], head) && slices.ContainsFunc(fields, func(f *field) bool { return f.name == head }):
			errs = append(errs, Problem{place, "this column is there twice", "delete one of the two"})
		default:
			warnings = append(warnings, Problem{place, "this column is not read", "read are user, name, template, section and enabled"})
		}
	}
	if !slices.Contains(found.fields, fields[0]) {
		errs = append(errs, noUser(heads))
		warnings = nil
	}
	return found, errs, warnings
}

func noUser(heads []string) Problem {
	p := Problem{Cause: "no column is called user", Cure: "name the columns in the first line, and the one with what students log in with: user"}
	for _, head := range heads {
		if slices.Contains(identities, head) {
			p.Cure = fmt.Sprintf("if the column %q holds what students log in with, call it user", head)
			break
		}
	}
	return p
}

// printable returns the first 40 characters of a cell.
func printable(cell string) string {
	if utf8.RuneCountInString(cell) <= 40 {
		return cell
	}
	return string([]rune(cell)[:39]) + "…"
}

// read reads a line. Problems come without a line.
func (c columns) read(record []string) (Row, []Problem) {
	row := Row{Enabled: true}
	var errs []Problem
	for i, f := range c.fields {
		if f == nil {
			continue
		}
		cell := ""
		if i < len(record) {
			cell = strings.TrimSpace(record[i])
		}
		if cause, cure := check(cell); cause != "" {
			errs = append(errs, Problem{Place{Column: i + 1, Header: f.name}, cause, cure})
		} else if cause, cure := f.read(&row, cell); cause != "" {
			errs = append(errs, Problem{Place{Column: i + 1, Header: f.name}, cause, cure})
		}
	}
	return row, errs
}

// check finds what no cell may hold.
func check(cell string) (cause, cure string) {
	for _, r := range cell {
		if unicode.Is(unicode.Cc, r) {
			return fmt.Sprintf("it contains a control character or a line break (U+%04X)", r), "type the cell anew"
		}
	}
	if strings.HasPrefix(cell, "#") && (strings.HasSuffix(cell, "!") || strings.HasSuffix(cell, "?") || cell == "#N/A") {
		return fmt.Sprintf("it is a spreadsheet's error, %s", printable(cell)), "mend the formula and export again"
	}
	return "", ""
}

// visible finds characters that can't be seen, which come along when something
// is copied from a web page.
func visible(cell string) (cause, cure string) {
	for _, r := range cell {
		if unicode.Is(unicode.Cf, r) {
			return fmt.Sprintf("it contains an invisible character (U+%04X)", r), "type the cell anew"
		}
	}
	return "", ""
}

// scientific is how a spreadsheet shows a long number.
var scientific = regexp.MustCompile(`^[0-9]([.,][0-9]+)?[Ee]\+[0-9]+$`)

func readUser(row *Row, cell string) (cause, cure string) {
	row.User = cell
	switch {
	case cell == "":
		return "no user", "fill in what the student logs in with, or delete the line"
	case len(cell) > maxUser:
		return fmt.Sprintf("%d bytes, at most %d", len(cell), maxUser), "write only what the student logs in with"
	case scientific.MatchString(cell):
		return "the spreadsheet turned a number into " + cell, "format the column as text, enter the numbers again, and export anew"
	}
	return visible(cell)
}

func readName(row *Row, cell string) (cause, cure string) {
	row.Name = cell
	if n := utf8.RuneCountInString(cell); n > maxName {
		return fmt.Sprintf("%d characters, at most %d", n, maxName), "shorten it"
	}
	return "", ""
}

// templateName is what the API server takes as a Template's name.
var templateName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

func readTemplate(row *Row, cell string) (cause, cure string) {
	row.Template = cell
	if cell != "" && (len(cell) > maxTemplate || !templateName.MatchString(cell)) {
		return "no Template can have this name", "correct it, or leave the cell empty for the course's Template"
	}
	return "", ""
}

func readSection(row *Row, cell string) (cause, cure string) {
	row.Section = cell
	if n := utf8.RuneCountInString(cell); n > maxSection {
		return fmt.Sprintf("%d characters, at most %d", n, maxSection), "shorten it, here and in the timetable"
	}
	return visible(cell)
}

// yes and no are what people and spreadsheets write for enabled.
var (
	yes = []string{"", "true", "yes", "y", "1", "on", "wahr", "vrai", "ja", "oui", "はい"}
	no  = []string{"false", "no", "n", "0", "off", "falsch", "faux", "nein", "non", "いいえ"}
)

func readEnabled(row *Row, cell string) (cause, cure string) {
	word := strings.ToLower(cell)
	switch {
	case slices.Contains(yes, word):
		row.Enabled = true
	case slices.Contains(no, word):
		row.Enabled = false
	default:
		return "neither true nor false", "write true or false, or leave the cell empty for true"
	}
	return "", ""
}
