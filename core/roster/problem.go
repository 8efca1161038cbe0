package roster

import (
	"fmt"
	"strings"
)

// Place is where in a roster something stands.
type Place struct {
	// File is the name of the file.
	File string
	// Line counts from 1; 0 is the file as a whole.
	Line int
	// Column is the number of the cell in its line, from 1; 0 is the line as a
	// whole.
	Column int
	// Header is the name of the column, if it has one.
	Header string
}

// String is the place in words: "roster.csv line 41, column 3 (template)".
func (p Place) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, " line %d", p.Line)
	}
	if p.Column > 0 {
		fmt.Fprintf(&b, ", column %d", p.Column)
		if p.Header != "" {
			fmt.Fprintf(&b, " (%s)", p.Header)
		}
	}
	return b.String()
}

// Problem is something in a roster that a person should know. It tells nobody's
// identity: problems end up where others read them.
type Problem struct {
	Place
	// Cause is what is wrong.
	Cause string
	// Cure is what to do about it.
	Cure string
}

// String is the problem in one line.
func (p Problem) String() string {
	if p.Cure == "" {
		return fmt.Sprintf("%s: %s", p.Place, p.Cause)
	}
	return fmt.Sprintf("%s: %s: %s", p.Place, p.Cause, p.Cure)
}
