package edit

import (
	"cmp"
	"fmt"

	"github.com/carrel-dev/carrel/core/roster"
)

// place identifies a carrel's declaration.
type place struct{ file, user, template string }

// Remove removes students, given by login or carrel name, from every file. If file
// is not empty, it removes them from that CSV file only.
func (c *ClassFiles) Remove(who []string, template, file string) error {
	gone := map[place]bool{}
	for _, name := range who {
		found, err := c.called(name, template, file)
		if err != nil {
			return err
		}
		for _, p := range found {
			gone[p] = true
		}
	}
	for p, csv := range c.rosters {
		csv.Remove(func(user, template string) bool { return gone[place{p, user, template}] })
	}
	for _, s := range c.students {
		if !gone[place{s.file, s.User, s.Template}] {
			continue
		}
		if !s.alone {
			return fmt.Errorf("%s holds other things beside this student: edit it by hand", s.file)
		}
		if err := c.list(s.file, false); err != nil {
			return err
		}
		c.deleted = append(c.deleted, s.file)
	}
	return nil
}

// called returns the carrels whose login is who. If there are none, it returns the
// carrel named who.
func (c *ClassFiles) called(who, template, file string) ([]place, error) {
	rosters, err := c.chosen(file)
	if err != nil {
		return nil, err
	}
	var users, names []place
	take := func(p place, carrel string) {
		switch {
		case template != "" && c.templateOf(p.template) != template:
		case p.user == who:
			users = append(users, p)
		case carrel == who:
			names = append(names, p)
		}
	}
	for _, p := range rosters {
		for _, row := range c.rosters[p].students() {
			take(place{p, row.User, row.Template}, c.nameOf(row, who))
		}
	}
	for _, s := range c.students {
		if file == "" {
			take(place{s.file, s.User, s.Template}, s.userland)
		}
	}
	if users == nil {
		users = names
	}
	switch {
	case len(users) > 0:
		return users, nil
	case template != "" || file != "":
		return nil, fmt.Errorf("no student called %q matches --template and --file: leave these out, or give the login as in the roster", who)
	default:
		return nil, fmt.Errorf("no student is called %q: give the login as in the roster, or the carrel's name", who)
	}
}

// nameOf returns who if that is one of the two names that the carrel of a row usually
// has, and the one to prefer otherwise. The second one is that of a carrel made when a
// filled cell changed the name.
func (c *ClassFiles) nameOf(row roster.Student, who string) (preferred string) {
	n := 0
	for name := range row.UserlandNames(c.course.TemplateName) {
		if preferred = cmp.Or(preferred, name); name == who {
			return who
		}
		if n++; n == 2 {
			break
		}
	}
	return preferred
}
