package main

import (
	"fmt"
	"strings"

	"github.com/carrel-dev/carrel/test/story"
)

// merge merges an edit of the Template or, the next time, of the roster: one guest comes and
// the former one goes. It returns the merge commit.
func (c *chaos) merge() (what, commit string, err error) {
	c.merges++
	var changes []story.Change
	if c.merges%2 == 0 {
		what = fmt.Sprintf("Template, edit %d", c.merges)
		changes = []story.Change{{Path: templateFile, Content: []byte(edited(c.template, c.merges))}}
	} else {
		guest, former := guest(c.merges), guest(c.merges-2)
		what = "roster: " + guest + " comes"
		changes = []story.Change{{Path: story.StudentPath(course, guest), Content: []byte(story.StudentFile(guest))}}
		if c.declared[former] {
			what += ", " + former + " goes"
			changes = append(changes, story.Change{Path: story.StudentPath(course, former)})
			delete(c.declared, former)
		}
		c.declared[guest] = true
	}
	request, err := c.Forge.Propose(fmt.Sprintf("merge-%d", c.merges), what, changes...)
	if err != nil {
		return what, "", err
	}
	commit, err = c.Forge.Merge(request)
	return what, commit, err
}

func guest(n int) string { return fmt.Sprintf("guest%d", n) }

// edited returns a Template with an environment variable, which makes another revision.
func edited(template string, n int) string {
	const ports = "          ports:\n            - name: http\n              containerPort: 8080\n"
	return strings.Replace(template, ports, fmt.Sprintf("          env:\n            - name: EDIT\n              value: \"%d\"\n", n)+ports, 1)
}
