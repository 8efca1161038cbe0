package roster

import (
	"iter"
	"strconv"
)

// UserlandName returns the name of the Userland that a student gets, if no other
// Userland has it. It is derived from the user alone if the row follows the Template
// of the course, whether its cell says so or is empty, and from user and Template
// otherwise. It depends on nothing else, so that the order of rows and their
// neighbours never rename anybody.
func (s Student) UserlandName(courseTemplate string) string {
	for name := range s.UserlandNames(courseTemplate) {
		return name
	}
	return ""
}

// UserlandNames yields the names that the Userland of a row can have, the one to
// prefer first. There is no end of them: a carrel that was moved to another Template
// keeps its name, which may be the one that a later row of the same user prefers.
func (s Student) UserlandNames(courseTemplate string) iter.Seq[string] {
	template := s.Template
	if template == "" {
		template = courseTemplate
	}
	return func(yield func(string) bool) {
		if template == courseTemplate && !yield(UserlandName(s.User)) {
			return
		}
		// No identity from a roster has a NUL in it.
		identity := s.User + "\x00" + template
		if !yield(UserlandName(identity)) {
			return
		}
		for n := 2; yield(UserlandName(identity + "\x00" + strconv.Itoa(n))); n++ {
		}
	}
}
