//go:build e2e

package e2e

import (
	"context"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/roster"
	"github.com/carrel-dev/carrel/test/story"
)

// course is where the stories of this file take place.
const course = "prog1"

// sleepers are users of the course whose carrels sleep, with accounts at the forge.
func sleepers(t *testing.T, n int) []string {
	t.Helper()
	text, err := story.Roster(cluster.Root, course)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var users []string
	for _, row := range rows[1:] {
		var u v1alpha1.Userland
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: roster.UserlandName(row[0])}, &u); err != nil {
			t.Fatal(err)
		}
		if u.Status.State == v1alpha1.StateAsleep && len(users) < n {
			users = append(users, row[0])
		}
	}
	if len(users) < n {
		t.Fatalf("only %d carrels of %s sleep", len(users), course)
	}
	if err := forge.NewUsers(t.Context(), users...); err != nil {
		t.Fatal(err)
	}
	return users
}

// visitor is somebody with a browser of their own, logged in at the forge as soon as
// that asks.
type visitor struct {
	t    *testing.T
	page *rod.Page
	user string
}

// visit opens an address in a new browser, and logs in on the way.
func visit(t *testing.T, user, address string) visitor {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	v := visitor{t, browser(t).Context(ctx).MustPage(address), user}
	v.page.MustElement("#user_name").MustInput(user)
	v.page.MustElement("#password").MustInput(story.Password(user))
	v.page.MustElement("form button.primary").MustClick()
	// Once a browser, the forge asks whether Carrel may know who they are.
	v.page.MustElement("#authorize-app").MustClick()
	return v
}

// sees waits for an element that holds words.
func (v visitor) sees(selector, words string) *rod.Element {
	v.t.Helper()
	return v.page.MustElementR(selector, words)
}

// picture keeps what the visitor sees.
func (v visitor) picture(name string) {
	v.t.Helper()
	keepPicture(v.t, v.page, v.t.Name()+"-"+name)
}

// types opens a terminal of the editor and types a line.
func (v visitor) types(line string) {
	v.t.Helper()
	v.page.MustElement(".monaco-workbench .activitybar")
	v.page.MustElement(".statusbar-item")
	v.page.KeyActions().Press(input.ControlLeft, input.ShiftLeft).Type(input.Backquote).MustDo()
	v.page.MustElement(".terminal-wrapper.active .xterm-screen")
	v.page.MustElement(".terminal-wrapper.active textarea.xterm-helper-textarea").MustFocus()
	for _, r := range line {
		v.page.MustInsertText(string(r))
	}
	v.page.KeyActions().Press(input.Enter).MustDo()
}

// The front door, as its users meet it: a student logs in, waits behind a page and
// works; another is refused; a teacher looks in, and the student sees that.
func TestFrontDoor(t *testing.T) {
	users := sleepers(t, 2)
	hana, ken := users[0], users[1]
	carrel := roster.UserlandName(hana)
	address := gateway.CarrelURL(course, carrel)

	student := visit(t, hana, address)
	student.sees("#situation", ".")
	student.picture("waits")
	student.types("echo written in a terminal > ~/from-the-terminal")
	student.picture("works")
	reach(t, written(t, carrel, "from-the-terminal", "written in a terminal"))

	other := visit(t, ken, address)
	other.sees("h1", "not yours to open")
	other.picture("is-refused")

	teacher := visit(t, story.Teacher, address)
	teacher.page.MustElement(".monaco-workbench .activitybar")
	student.page.MustNavigate(gateway.DeskURL() + "/courses/" + course + "/carrels/" + carrel)
	student.sees("main", story.Teacher)
	student.picture("sees-who-came")

	teacher.page.MustNavigate(gateway.DeskURL() + "/courses/" + course)
	teacher.sees("main", hana)
	teacher.picture("board")
}

// written is reached when a file in the home of a carrel holds a text.
func written(t *testing.T, carrel, file, text string) story.Milestone {
	t.Helper()
	programs := assets(t)
	return story.Milestone{Name: file + " written", Reached: func(ctx context.Context) (string, bool, error) {
		out, err := tryKubectl(ctx, programs, "exec", "-n", course, "deploy/"+carrel, "--", "cat", "/home/coder/"+file)
		return out, strings.TrimSpace(out) == text, err
	}}
}
