package roster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Column is a column of a roster.
type Column struct {
	// Name is the first line's word for the column, in lower case.
	Name string
	// Aliases are the words of other programs for it.
	Aliases []string
	// Text says in words what the column holds.
	Text string
	// Group is true if the column divides the class into parts.
	Group bool

	// of returns the field of a student that the column sets. It is nil for enabled.
	of func(*Student) *string
	// judge returns the cause why a cell is refused, and the cure.
	judge func(cell string) (cause, cure string)
}

// Columns are the columns that are read, in the order in which exports write them.
var Columns = []*Column{
	{Name: "user", Aliases: []string{"username"}, Text: "the students' logins", of: func(s *Student) *string { return &s.User }, judge: judgeUser},
	{Name: "name", Aliases: []string{"full name", "fullname"}, Text: "the student's display name", of: func(s *Student) *string { return &s.Name }, judge: judgeName},
	{Name: "template", Text: "name of the Template (default the course's)", of: func(s *Student) *string { return &s.Template }, judge: judgeTemplate},
	{Name: "section", Text: "the part of the class", Group: true, of: func(s *Student) *string { return &s.Section }, judge: judgePart},
	{Name: "team", Text: "the group in which the student works, such as a pair", Group: true, of: func(s *Student) *string { return &s.Team }, judge: judgePart},
	{Name: "enabled", Text: "false to stop the carrel", judge: judgeEnabled},
}

// Groups returns the columns that divide the class into parts.
func Groups() []*Column {
	return slices.DeleteFunc(slices.Clone(Columns), func(c *Column) bool { return !c.Group })
}

// ColumnNames returns the names of all columns.
func ColumnNames() []string {
	names := make([]string, len(Columns))
	for i, c := range Columns {
		names[i] = c.Name
	}
	return names
}

// Cells returns the student in the order of Columns.
func (s Student) Cells() []string {
	cells := make([]string, len(Columns))
	for i, c := range Columns {
		cells[i] = c.Cell(s)
	}
	return cells
}

// ColumnOf returns the column that a word of the first line names, or nil.
func ColumnOf(head string) *Column {
	for _, c := range Columns {
		if c.Called(head) {
			return c
		}
	}
	return nil
}

// Called reports whether a word of the first line names the column.
func (c *Column) Called(head string) bool {
	head = strings.ToLower(strings.TrimSpace(head))
	return head == c.Name || slices.Contains(c.Aliases, head)
}

// Cell returns the cell of a student.
func (c *Column) Cell(s Student) string {
	if c.of == nil {
		return strconv.FormatBool(s.Enabled)
	}
	return *c.of(&s)
}

// Set stores a cell in a student. If the column can't hold the cell, Set returns the
// cause and the cure.
func (c *Column) Set(s *Student, cell string) (cause, cure string) {
	if c.of == nil {
		s.Enabled = !slices.Contains(no, strings.ToLower(cell))
	} else {
		*c.of(s) = cell
	}
	return c.judge(cell)
}

// atMost returns why a cell is refused that has more characters than most.
func atMost(cell string, most int, cure string) (string, string) {
	if n := utf8.RuneCountInString(cell); n > most {
		return fmt.Sprintf("%d characters, at most %d", n, most), cure
	}
	return "", ""
}
