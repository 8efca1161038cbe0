package roster_test

import (
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/core/roster"
)

// longestCourse is the name of a course with which a derived name still makes a
// host name: docs and the kind's rules promise 21 characters.
var longestCourse = strings.Repeat("c", 21)

// FuzzRowName: whatever identities and Templates rows hold, no two different rows
// make one Userland, and its name is a label of a host name from which the course
// can be told.
func FuzzRowName(f *testing.F) {
	for i, test := range golden {
		f.Add(test.user, "", golden[(i+1)%len(golden)].user, "database")
		f.Add(test.user, "database", test.user, "")
		f.Add(test.user, "database", test.name, "code-server")
	}
	f.Fuzz(func(t *testing.T, user, template, other, otherTemplate string) {
		if strings.Contains(user+template+other+otherTemplate, "\x00") {
			return // no row holds one
		}
		a, b := roster.Row{User: user, Template: template}, roster.Row{User: other, Template: otherTemplate}
		if same := user == other && template == otherTemplate; (a.UserlandName() == b.UserlandName()) != same {
			t.Errorf("%+q with the Template %+q is called %q, and %+q with %+q is called %q",
				user, template, a.UserlandName(), other, otherTemplate, b.UserlandName())
		}
		checkName(t, user, a.UserlandName())
		checkName(t, other, b.UserlandName())
	})
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
