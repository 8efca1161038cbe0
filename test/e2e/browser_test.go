//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/input"

	"github.com/carrel-dev/carrel/test/chromium"
	"github.com/carrel-dev/carrel/test/story"
)

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
	page := chromium.Start(t).MustPage("")
	page.MustEvalOnNewDocument(rememberWait)
	v := visitor{t, page.MustNavigate(address), user}
	chromium.Fill(t, v.page, "#user_name", user)
	chromium.Fill(t, v.page, "#password", story.Password(user))
	chromium.Click(t, v.page, "form button.primary")
	// Once a user, the forge asks whether Carrel may know who they are.
	const asks = `document.querySelector("#authorize-app")`
	chromium.Becomes(t, v.page, "the forge asks or lets them through", asks+` || !location.href.startsWith("`+forge.Host()+`/")`)
	if v.page.MustHas("#authorize-app") {
		chromium.Click(t, v.page, "#authorize-app")
	}
	return v
}

// rememberWait has a carrel's pages remember what the page said behind which their
// visitor waited, which may be gone before a test looks.
const rememberWait = `addEventListener("DOMContentLoaded", () => {
	const situation = document.querySelector("#situation");
	if (situation) sessionStorage.setItem("waited", situation.textContent);
})`

// waited waits until the visitor has seen the page that waits for a carrel.
func (v visitor) waited() {
	v.t.Helper()
	chromium.Becomes(v.t, v.page, "they have waited", `(sessionStorage.getItem("waited") || "").trim()`)
}

// sees waits for an element that holds words.
func (v visitor) sees(selector, words string) {
	v.t.Helper()
	chromium.FindWords(v.t, v.page, selector, words)
}

// read returns the text of an element, without line breaks.
func (v visitor) read(selector string) string {
	v.t.Helper()
	element, err := v.page.Element(selector)
	if err != nil {
		v.t.Fatal(err)
	}
	text, err := element.Text()
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.Join(strings.Fields(text), " ")
}

// picture keeps what the visitor sees.
func (v visitor) picture(name string) {
	v.t.Helper()
	chromium.Keep(v.t, v.page, v.t.Name()+"-"+name)
}

// works waits for the editor, which needs its WebSocket to work.
func (v visitor) works() {
	v.t.Helper()
	reach(v.t, editor(v.page)...)
}

// editor is what an editor shows once it works: its status bar names the remote once
// the editor's server has answered.
func editor(page *rod.Page) []story.Milestone {
	shown := []story.Milestone{
		chromium.Shows(page, ".monaco-workbench .activitybar", ".*"),
		chromium.Shows(page, ".statusbar-item", ".*"),
	}
	for i := range shown {
		shown[i].Within = story.OpenedWithin
	}
	return shown
}

// opensTerminal opens one in the editor, and waits until its shell answers.
func (v visitor) opensTerminal() {
	v.t.Helper()
	v.works()
	var pressed time.Time
	prompt := chromium.On(v.page, "a terminal with a prompt", func(page *rod.Page) (bool, error) {
		shown, err := page.Eval(`() => Boolean(document.querySelector(".terminal-wrapper"))`)
		if err != nil {
			return false, err
		}
		// The editor's keys do nothing at first. Pressed twice, they open two.
		if !shown.Value.Bool() && time.Since(pressed) > 10*time.Second {
			pressed = time.Now()
			return false, page.KeyActions().Press(input.ControlLeft, input.ShiftLeft).Type(input.Backquote).Do()
		}
		rows, err := terminal(page)
		return strings.HasSuffix(rows, "$"), err
	})
	prompt.Within = story.OpenedWithin // the editor starts more processes for it
	reach(v.t, prompt)
	v.types("echo shell-$((40+2))", atOnce)
	v.reads("shell-42")
}

// terminal is what the terminal in front shows, its rows joined, without the blanks
// behind the last word.
func terminal(page *rod.Page) (string, error) {
	rows, err := page.Eval(`() => [...document.querySelectorAll(".terminal-wrapper.active .xterm-rows > div")].map(row => row.textContent).join("")`)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(strings.ReplaceAll(rows.Value.Str(), "\u00a0", " ")), nil
}

// reads waits for words in the terminal.
func (v visitor) reads(words string) {
	v.t.Helper()
	reach(v.t, inTerminal(v.page, words, strings.Contains))
}

// inTerminal is reached when the rows of the terminal have the words as is said.
func inTerminal(page *rod.Page, words string, has func(rows, words string) bool) story.Milestone {
	return story.Milestone{Name: fmt.Sprintf("%q in the terminal", words), Within: story.ShownWithin, Reached: func(ctx context.Context) (string, bool, error) {
		rows, err := terminal(page.Context(ctx))
		return fmt.Sprintf("%q", rows), has(rows, words), err
	}}
}

// How fast people type.
const (
	atOnce = time.Duration(0)
	// lookingForKeys is a person who has to look for the keys.
	lookingForKeys = 400 * time.Millisecond
)

// runs types a line in the terminal until what the line does is seen. On a busy
// machine the editor replaces a shell that answers too late, and the line is lost.
func (v visitor) runs(line string, done story.Milestone) {
	v.t.Helper()
	for range 3 {
		v.types(line, atOnce)
		ctx, cancel := context.WithTimeout(v.t.Context(), 30*time.Second)
		err := story.Follow(ctx, time.Now(), []story.Milestone{done}, func(e story.Event) { v.t.Log(e) })
		cancel()
		if err == nil {
			return
		}
		v.t.Logf("%q has no effect and is typed again: %v", line, err)
	}
	v.types(line, atOnce)
	reach(v.t, done)
}

// types types a line in the terminal and ends it once the shell has echoed all of it.
// What does not arrive is wiped and typed again: a terminal drops keys until it is
// attached to its shell.
func (v visitor) types(line string, pause time.Duration) {
	v.t.Helper()
	for attempt := 1; ; attempt++ {
		chromium.Find(v.t, v.page, ".terminal-wrapper.active textarea.xterm-helper-textarea").MustFocus()
		for _, r := range line {
			v.page.MustInsertText(string(r))
			time.Sleep(pause)
		}
		echoed := inTerminal(v.page, line, strings.HasSuffix)
		if attempt == 3 {
			reach(v.t, echoed)
		}
		ctx, cancel := context.WithTimeout(v.t.Context(), 20*time.Second)
		err := story.Follow(ctx, time.Now(), []story.Milestone{echoed}, func(story.Event) {})
		cancel()
		if err == nil {
			break
		}
		v.t.Logf("what is typed does not arrive and is typed again: %v", err)
		v.page.KeyActions().Press(input.ControlLeft).Type(input.KeyU).MustDo()
	}
	v.page.KeyActions().Press(input.Enter).MustDo()
}
