package roster_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/core/roster"
)

// longestCourse is the name of a course with which a derived name still makes a
// host name: docs and the kind's rules promise 21 characters.
var longestCourse = strings.Repeat("c", 21)

const courseTemplate = "ide"

// FuzzRowName: whatever identities and Templates rows hold, no two different carrels
// make one Userland, whether or not a cell is filled, and its name is a label of a host
// name from which the course can be told.
func FuzzRowName(f *testing.F) {
	for i, test := range golden {
		f.Add(test.user, "", golden[(i+1)%len(golden)].user, "database")
		f.Add(test.user, "database", test.user, "")
		f.Add(test.user, "database", test.name, "code-server")
		f.Add(test.user, "", test.user, "ide")
	}
	f.Fuzz(func(t *testing.T, user, template, other, otherTemplate string) {
		if strings.Contains(user+template+other+otherTemplate, "\x00") {
			return // no row holds one
		}
		a, b := roster.Student{User: user, Template: template}, roster.Student{User: other, Template: otherTemplate}
		same := user == other && cmp.Or(template, courseTemplate) == cmp.Or(otherTemplate, courseTemplate)
		if got := firstNames(a); !slices.Equal(got, firstNames(b)) && same {
			t.Errorf("%+q is called %q with the Template %+q, and other names with %+q", user, got, template, otherTemplate)
		}
		for _, name := range firstNames(a) {
			if slices.Contains(firstNames(b), name) != same {
				t.Errorf("%+q with the Template %+q and %+q with %+q may both be called %q", user, template, other, otherTemplate, name)
			}
			checkName(t, user, name)
		}
	})
}

func firstNames(row roster.Student) (names []string) {
	for name := range row.UserlandNames(courseTemplate) {
		if names = append(names, name); len(names) == 4 {
			break
		}
	}
	return names
}

func checkName(t *testing.T, user, name string) {
	if err := byTheKind(name); err != nil || !roster.ValidUserlandName(name) {
		t.Errorf("%+q is called %q: %v", user, name, err)
	}
	host := name + "--" + longestCourse
	if name != user && len(host) > 63 {
		t.Errorf("%+q is called %q, and its host name has %d characters", user, name, len(host))
	}
	if i := strings.LastIndex(host, "--"); host[:i] != name {
		t.Errorf("%+q is called %q, and the host name %q is read as %q's", user, name, host, host[:i])
	}
}
