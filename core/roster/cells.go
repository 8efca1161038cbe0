package roster

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// columns maps the cells of a line to columns.
type columns struct {
	// read holds the column of each cell. It is nil for a cell that is not read.
	read  []*Column
	count int
	// heads are the cells of the header in lower case.
	heads []string
}

// identities are columns of other programs that may hold what a student logs in
// with. Which, only a person can tell.
var identities = []string{"email address", "email", "e-mail", "id number", "login", "student id", "メールアドレス", "学籍番号"}

// readHeader finds the columns. Problems come without a line.
func readHeader(record []string) (found columns, errs, warnings []Problem) {
	if len(record) > maxColumns {
		return found, []Problem{{Cause: fmt.Sprintf("%d columns, at most %d", len(record), maxColumns), Cure: "delete the columns that are not read"}}, nil
	}
	found = columns{read: make([]*Column, len(record)), count: len(record)}
	heads := make([]string, len(record))
	for i, cell := range record {
		heads[i] = strings.ToLower(strings.TrimSpace(cell))
	}
	found.heads = heads
	for _, c := range Columns {
		at := slices.Index(heads, c.Name)
		for _, alias := range c.Aliases {
			if at < 0 {
				at = slices.Index(heads, alias)
			}
		}
		if at >= 0 {
			found.read[at] = c
		}
	}
	for i, head := range heads {
		place := Place{Column: i + 1, Header: printable(head)}
		switch {
		case found.read[i] != nil || head == "":
		case slices.Contains(heads[:i], head) && slices.Contains(ColumnNames(), head):
			errs = append(errs, Problem{place, "this column is there twice", "delete one of the two"})
		default:
			warnings = append(warnings, Problem{place, "this column is not read", "read are " + listed(ColumnNames())})
		}
	}
	if !slices.Contains(found.read, Columns[0]) {
		errs = append(errs, noUser(heads))
		warnings = nil
	}
	return found, errs, warnings
}

// fullWidthCommas holds the characters that a Japanese or Chinese keyboard may write
// in place of a comma.
const fullWidthCommas = "，、；"

func noUser(heads []string) Problem {
	p := Problem{Cause: "no column is called user", Cure: "name the columns in the first line, and the one with what students log in with: user"}
	for i, head := range heads {
		switch plain := norm.NFKC.String(head); {
		case strings.ContainsAny(head, fullWidthCommas):
			return Problem{Cause: "the cells are separated by full-width commas", Cure: "write a half-width comma (,) between all cells"}
		case plain != head && Columns[0].Called(plain):
			return Problem{Place{Column: i + 1, Header: printable(head)}, "the name of this column is written in full width", "write it in half width: user"}
		case slices.Contains(identities, head):
			p.Cure = fmt.Sprintf("if the column %q holds what students log in with, call it user", head)
			return p
		}
	}
	return p
}

// listed joins words: "a, b and c".
func listed(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// isHeader reports whether a line below the header names columns, as when one file
// was appended to another.
func (c columns) isHeader(record []string) bool {
	user := false
	for _, cell := range record {
		cell = strings.ToLower(strings.TrimSpace(cell))
		user = user || Columns[0].Called(cell)
		if cell != "" && !slices.Contains(c.heads, cell) && ColumnOf(cell) == nil {
			return false
		}
	}
	return user
}

// conflict matches the lines by which git marks a conflict of a merge.
var conflict = regexp.MustCompile(`^(<{7}|={7}|>{7}|\|{7})( |$)`)

const (
	conflictCause = "git left a mark of a merge conflict here"
	conflictCure  = "keep the rows that are right, and delete the lines that begin with <<<<<<<, ======= or >>>>>>>"
)

// printable returns the first 40 characters of a cell.
func printable(cell string) string {
	if utf8.RuneCountInString(cell) <= 40 {
		return cell
	}
	return string([]rune(cell)[:39]) + "…"
}

// student reads a line. Problems come without a line.
func (c columns) student(record []string) (Student, []Problem) {
	row := Student{Enabled: true}
	var errs []Problem
	for i, column := range c.read {
		if column == nil {
			continue
		}
		cell := ""
		if i < len(record) {
			cell = strings.TrimSpace(record[i])
		}
		if cause, cure := check(cell); cause != "" {
			errs = append(errs, Problem{Place{Column: i + 1, Header: column.Name}, cause, cure})
		} else if cause, cure := column.Set(&row, cell); cause != "" {
			errs = append(errs, Problem{Place{Column: i + 1, Header: column.Name}, cause, cure})
		}
	}
	if swapped(row) {
		return row, []Problem{{Cause: "the name stands where the login should be, and the login where the name should be", Cure: "exchange the two cells, or the words user and name in the first line"}}
	}
	return row, errs
}

// login matches what is certainly no person's name.
var login = regexp.MustCompile(`^\S*([0-9]{3}|@)\S*$`)

// swapped reports whether user and name have changed places.
func swapped(row Student) bool {
	return login.MatchString(row.Name) && !strings.ContainsAny(row.User, "0123456789@") &&
		strings.ContainsFunc(row.User, func(r rune) bool { return unicode.IsSpace(r) || r >= utf8.RuneSelf && unicode.IsLetter(r) })
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

// spoiled are cells that a spreadsheet makes of something else, and words that
// programs write for nothing. No person logs in with them.
var spoiled = []struct {
	cell        *regexp.Regexp
	cause, cure string
}{
	{regexp.MustCompile(`^[0-9]([.,][0-9]+[Ee][+-]?|[Ee]\+)[0-9]+$`), "the spreadsheet turned a number into %s", "format the column as text, enter the numbers again, and export anew"},
	{regexp.MustCompile(`^#+$`), "the spreadsheet wrote %s, because the column was too narrow", "widen the column, and export anew"},
	{regexp.MustCompile(`^=`), "it is a spreadsheet's formula", "write what the formula shows, or export anew"},
	{regexp.MustCompile(`^['’]`), "it begins with an apostrophe, by which a spreadsheet marks text", "delete the apostrophe"},
	{regexp.MustCompile(`^(?i:\(?null\)?|undefined|nan|none|n/a|[-–—?]+)$`), "%s stands for no login", "fill in what the student logs in with, or delete the line"},
}

func judgeUser(cell string) (cause, cure string) {
	switch {
	case cell == "":
		return "no user", "fill in what the student logs in with, or delete the line"
	case len(cell) > maxUser:
		return fmt.Sprintf("%d bytes, at most %d", len(cell), maxUser), "write only what the student logs in with"
	}
	for _, s := range spoiled {
		if s.cell.MatchString(cell) {
			return strings.ReplaceAll(s.cause, "%s", printable(cell)), s.cure
		}
	}
	if cause, cure := visible(cell); cause != "" {
		return cause, cure
	}
	if strings.ContainsFunc(cell, unicode.IsSpace) {
		return "a login has no blank inside", "delete the blank, or write what the student logs in with"
	}
	return "", ""
}

func judgeName(cell string) (cause, cure string) {
	return atMost(cell, maxName, "shorten it")
}

// templateName is what the API server takes as a Template's name.
var templateName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

func judgeTemplate(cell string) (cause, cure string) {
	if cell != "" && (len(cell) > maxTemplate || !templateName.MatchString(cell)) {
		return "no Template can have this name", "correct it, or leave the cell empty for the course's Template"
	}
	return "", ""
}

func judgePart(cell string) (cause, cure string) {
	if cause, cure := atMost(cell, maxPart, "shorten it, and a section in the timetable, too"); cause != "" {
		return cause, cure
	}
	return visible(cell)
}

// yes and no are what people and spreadsheets write for enabled.
var (
	yes = []string{"", "true", "yes", "y", "1", "on", "wahr", "vrai", "ja", "oui", "はい"}
	no  = []string{"false", "no", "n", "0", "off", "falsch", "faux", "nein", "non", "いいえ"}
)

func judgeEnabled(cell string) (cause, cure string) {
	if word := strings.ToLower(cell); !slices.Contains(yes, word) && !slices.Contains(no, word) {
		return "neither true nor false", "write true or false, or leave the cell empty for true"
	}
	return "", ""
}
