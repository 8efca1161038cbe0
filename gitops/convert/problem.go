package convert

import (
	"fmt"
	"strings"
)

// place is a position in a file.
type place struct {
	file string
	// document counts from 1; 0 stands for the whole file.
	document int
	// line counts from 1 in the file; 0 is unknown.
	line int
	// field is a path such as spec.service.ports[0].name.
	field string
}

// String returns the place in the form "file:line: document 2: field".
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

// Note is information for the person who converts. It is not a mistake.
type Note struct {
	place
	// Message describes a change and what to do about it.
	Message string
}

// String returns the message after its place.
func (n Note) String() string {
	if n.file == "" {
		return n.Message
	}
	return n.place.String() + ": " + n.Message
}

// Rejection is a reason why an input can't be converted.
type Rejection struct {
	place
	// Message describes the mistake, and Cure how to fix it.
	Message, Cure string
}

// Error returns the message after its place, with the cure.
func (p Rejection) Error() string {
	text := p.String() + ": " + p.Message
	if p.Cure != "" {
		text += ": " + p.Cure
	}
	return text
}

// Rejections is an error that lists all reasons.
type Rejections []Rejection

// Error returns the rejections, one per line.
func (p Rejections) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find each rejection.
func (p Rejections) Unwrap() []error {
	all := make([]error, len(p))
	for i, problem := range p {
		all[i] = problem
	}
	return all
}

func (c *conversion) problem(at place, message, cure string) {
	c.problems = append(c.problems, Rejection{place: at, Message: message, Cure: cure})
}

func (c *conversion) note(at place, message string) {
	c.notes = append(c.notes, Note{place: at, Message: message})
}
