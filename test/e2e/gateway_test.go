//go:build e2e

package e2e

import (
	"context"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/chromium"
	"github.com/carrel-dev/carrel/test/story"
)

// course is where the stories of this file take place.
const course = "prog1"

// known are users with accounts at the forge.
var known = map[string]bool{}

// sleepers are users of the course whose carrels sleep, each given once, with accounts
// at the forge.
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
		if u.Status.State == v1alpha1.StateAsleep && !known[row[0]] && len(users) < n {
			known[row[0]] = true
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
	v := visitor{t, chromium.Start(t).Context(ctx).MustPage(address), user}
	chromium.Find(t, v.page, "#user_name").MustInput(user)
	chromium.Find(t, v.page, "#password").MustInput(story.Password(user))
	chromium.Find(t, v.page, "form button.primary").MustClick()
	// Once a browser, the forge asks whether Carrel may know who they are.
	chromium.Find(t, v.page, "#authorize-app").MustClick()
	return v
}

// sees waits for an element that holds words.
func (v visitor) sees(selector, words string) {
	v.t.Helper()
	chromium.FindWords(v.t, v.page, selector, words)
}

// picture keeps what the visitor sees.
func (v visitor) picture(name string) {
	v.t.Helper()
	chromium.Keep(v.t, v.page, v.t.Name()+"-"+name)
}

// works waits for the editor.
func (v visitor) works() {
	v.t.Helper()
	chromium.Find(v.t, v.page, ".monaco-workbench .activitybar")
	// The status bar names the remote once the editor's server has answered.
	chromium.Find(v.t, v.page, ".statusbar-item")
}

// opensTerminal opens one in the editor. Its keys do nothing at first, so they are
// pressed until there is a terminal.
func (v visitor) opensTerminal() {
	v.t.Helper()
	v.works()
	for {
		v.page.KeyActions().Press(input.ControlLeft, input.ShiftLeft).Type(input.Backquote).MustDo()
		_, err := v.page.Timeout(5 * time.Second).Element(".terminal-wrapper.active .xterm-screen")
		if err == nil {
			return
		}
		if v.page.GetContext().Err() != nil {
			v.t.Fatalf("no terminal opens: %v", err)
		}
	}
}

// types types a line in the terminal, as fast as a person who has to look for the
// keys.
func (v visitor) types(line string) {
	v.t.Helper()
	chromium.Find(v.t, v.page, ".terminal-wrapper.active textarea.xterm-helper-textarea").MustFocus()
	for _, r := range line {
		v.page.MustInsertText(string(r))
		time.Sleep(400 * time.Millisecond)
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
	student.opensTerminal()
	student.types("echo it works > ~/from-the-terminal")
	student.picture("works")
	reach(t, written(t, carrel, "from-the-terminal", "it works"))

	other := visit(t, ken, address)
	other.sees("h1", "not yours to open")
	other.picture("is-refused")

	teacher := visit(t, story.Teacher, address)
	teacher.works()
	student.page.MustNavigate(gateway.DeskURL() + "/courses/" + course + "/carrels/" + carrel)
	student.sees("main", story.Teacher)
	student.picture("sees-who-came")

	teacher.page.MustNavigate(gateway.DeskURL() + "/courses/" + course)
	teacher.sees("main", hana)
	teacher.picture("board")
}

// withIdle is the course's Templates with another time to fall asleep.
func withIdle(t *testing.T, after string) story.Change {
	t.Helper()
	return edited(t, "courses/"+course+"/templates/kustomization.yaml", "{after: 2h}", "{after: "+after+"}")
}

// A tab that is open and nobody touches lets its carrel fall asleep, however much it
// talks to its server by itself, and does not wake it; one in which somebody types,
// slowly, does not.
func TestIdleTabSleepsAndTypingDoesNot(t *testing.T) {
	users := sleepers(t, 2)
	carrels := []string{roster.UserlandName(users[0]), roster.UserlandName(users[1])}
	left, typing := visit(t, users[0], gateway.CarrelURL(course, carrels[0])), visit(t, users[1], gateway.CarrelURL(course, carrels[1]))
	left.opensTerminal()
	typing.opensTerminal()
	merge(t, "Let carrels sleep after 90 s", withIdle(t, "90s"))
	t.Cleanup(func() { merge(t, "Take it back", withIdle(t, "2h")) })

	slept := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		slept <- story.Follow(ctx, time.Now(), []story.Milestone{inReadyState(course, carrels[0], v1alpha1.StateAsleep)}, func(e story.Event) {
			t.Logf("%6.1fs  %s: %s", e.After.Seconds(), e.Name, e.Detail)
		})
	}()
	for done := false; !done; {
		typing.types("# still here")
		select {
		case err := <-slept:
			if err != nil {
				t.Fatal(err)
			}
			done = true
		default:
		}
	}
	for range 3 { // the tab left open tries to connect again all the while
		typing.types("# still here")
	}
	for i, want := range []string{v1alpha1.StateAsleep, v1alpha1.StateRunning} {
		var u v1alpha1.Userland
		if err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: carrels[i]}, &u); err != nil {
			t.Fatal(err)
		}
		if u.Status.State != want {
			t.Errorf("%s is %s, want %s", carrels[i], u.Status.State, want)
		}
	}
	left.picture("left")
}

// A new version of the gateway ends nobody's terminal.
func TestGatewayRolloutDropsNothing(t *testing.T) {
	users := sleepers(t, 1)
	carrel := roster.UserlandName(users[0])
	v := visit(t, users[0], gateway.CarrelURL(course, carrel))
	v.opensTerminal()
	v.types("echo before > ~/rollout")
	reach(t, written(t, carrel, "rollout", "before"))
	closed := make(chan struct{}, 16)
	go v.page.EachEvent(func(*proto.NetworkWebSocketClosed) { closed <- struct{}{} })()

	kubectl(t, "rollout", "restart", "deploy/carrel-gateway", "-n", "carrel-system")
	kubectl(t, "rollout", "status", "deploy/carrel-gateway", "-n", "carrel-system", "--timeout=5m")
	v.types("echo after > ~/rollout")
	reach(t, written(t, carrel, "rollout", "after"))
	if len(closed) > 0 {
		t.Errorf("%d WebSockets were closed", len(closed))
	}
	// And whoever comes now is served by the new one.
	again := v.page.Browser().MustPage(gateway.CarrelURL(course, carrel))
	again.Context(v.page.GetContext()).MustElement(".monaco-workbench .activitybar")
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
