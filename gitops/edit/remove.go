package edit

import (
	"fmt"
)

// place is where a carrel is declared.
type place struct{ file, user, template string }

// Remove takes students out, by login or by the name of the carrel, from every file,
// or from one CSV file if it is named.
func (c *Class) Remove(who []string, template, file string) error {
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
		if !gone[place{s.file, s.user, s.template}] {
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

// called are the carrels of who logs in by a name or, if nobody does, that of the
// name.
func (c *Class) called(who, template, file string) ([]place, error) {
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
		for _, row := range c.rosters[p].rows() {
			take(place{p, row.User, row.Template}, row.UserlandName())
		}
	}
	for _, s := range c.students {
		if file == "" {
			take(place{s.file, s.user, s.template}, s.name)
		}
	}
	if users == nil {
		users = names
	}
	switch {
	case len(users) > 0:
		return users, nil
	case template != "" || file != "":
		return nil, fmt.Errorf("nobody whom --template and --file leave is called %q: leave them out, or give the login as the roster has it", who)
	default:
		return nil, fmt.Errorf("nobody here is called %q: give the login as the roster has it, or the carrel's name", who)
	}
}
