package convert

import (
	"fmt"
	"strings"
)

// place is somewhere in a file.
type place struct {
	file string
	// document counts from 1; 0 stands for the whole file.
	document int
	// line counts from 1 in the file; 0 is unknown.
	line int
	// field is a path such as spec.service.ports[0].name.
	field string
}

// String is file:line: document 2: field.
func (p place) String() string {
	var b strings.Builder
	if p.file == Stdin {
		b.WriteString("standard input")
	} else {
		b.WriteString(p.file)
	}
	if p.line > 0 {
		fmt.Fprintf(&b, ":%d", p.line)
	}
	if p.document > 0 {
		fmt.Fprintf(&b, ": document %d", p.document)
	}
	if p.field != "" {
		fmt.Fprintf(&b, ": %s", p.field)
	}
	return b.String()
}

// Note is something the person converting should know, though nothing is wrong.
type Note struct {
	place
	// Message says what changes, and what to do about it.
	Message string
}

// String is the note with its place.
func (n Note) String() string {
	if n.file == "" {
		return n.Message
	}
	return n.place.String() + ": " + n.Message
}

// Problem is a reason why an input can't be converted.
type Problem struct {
	place
	// Message says what is wrong, Cure what to do.
	Message, Cure string
}

// Error is the problem with its place and cure.
func (p Problem) Error() string {
	text := p.String() + ": " + p.Message
	if p.Cure != "" {
		text += ": " + p.Cure
	}
	return text
}

// Problems are all that were found.
type Problems []Problem

// Error has a line for each.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each.
func (p Problems) Unwrap() []error {
	all := make([]error, len(p))
	for i, problem := range p {
		all[i] = problem
	}
	return all
}

func (c *conversion) problem(at place, message, cure string) {
	c.problems = append(c.problems, Problem{place: at, Message: message, Cure: cure})
}

func (c *conversion) note(at place, message string) {
	c.notes = append(c.notes, Note{place: at, Message: message})
}
