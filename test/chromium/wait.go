package chromium

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"

	"github.com/carrel-dev/carrel/test/story"
)

// tryWithin bounds one try of what a page may not be ready for.
const tryWithin = 10 * time.Second

// Shows is reached when the page, or whatever other page comes in its place, has an
// element of a CSS selector whose text matches a regular expression.
func Shows(page *rod.Page, selector, words string) story.Milestone {
	return shows(page, selector, words, func(*rod.Element) {})
}

// shows is Shows, and hands the element over.
func shows(page *rod.Page, selector, words string, take func(*rod.Element)) story.Milestone {
	name := "the page to show " + selector
	if words != anything {
		name += fmt.Sprintf(" with %q", words)
	}
	return On(page, name, func(now *rod.Page) (bool, error) {
		found, element, err := now.HasR(selector, words)
		if found {
			take(element)
		}
		return found, err
	})
}

const anything = ".*"

// On is reached when look says so of the page. An error counts as not yet: a page
// that goes away while it is looked at answers with one.
func On(page *rod.Page, name string, look func(*rod.Page) (bool, error)) story.Milestone {
	return story.Milestone{Name: name, Within: story.ShownWithin, Reached: func(ctx context.Context) (string, bool, error) {
		now := page.Context(ctx)
		reached, err := look(now)
		if reached {
			return "", true, err
		}
		instead := describe(now, 200)
		if err != nil {
			instead = fmt.Sprintf("%v; %s", err, instead)
		}
		return instead, false, nil
	}}
}

// Find waits for the first element of a CSS selector, through as many other pages as
// are shown on the way.
func Find(t *testing.T, page *rod.Page, selector string) *rod.Element {
	t.Helper()
	return FindWords(t, page, selector, anything)
}

// FindWords is Find for an element whose text matches a regular expression.
func FindWords(t *testing.T, page *rod.Page, selector, words string) *rod.Element {
	t.Helper()
	var element *rod.Element
	wait(t, shows(page, selector, words, func(e *rod.Element) { element = e.Context(page.GetContext()) }))
	return element
}

// Click clicks the first element of a selector once the page has loaded, its scripts
// with it, and the element is visible, enabled and covered by nothing.
func Click(t *testing.T, page *rod.Page, selector string) {
	t.Helper()
	wait(t, On(page, "a click on "+selector, func(now *rod.Page) (bool, error) {
		now = now.Timeout(tryWithin)
		found, element, err := loaded(now, selector)
		if !found {
			return false, err
		}
		err = element.Click(proto.InputMouseButtonLeft, 1)
		return err == nil, err
	}))
}

// Fill replaces what is in the first field of a selector, and sees it arrive.
func Fill(t *testing.T, page *rod.Page, selector, text string) {
	t.Helper()
	wait(t, On(page, "a field "+selector+" to be filled in", func(now *rod.Page) (bool, error) {
		now = now.Timeout(tryWithin)
		found, element, err := loaded(now, selector)
		if !found {
			return false, err
		}
		if err := element.SelectAllText(); err != nil {
			return false, err
		}
		if err := element.Input(text); err != nil {
			return false, err
		}
		value, err := element.Property("value")
		return err == nil && value.Str() == text, err
	}))
}

// loaded is the first element of a selector, on a page that has loaded.
func loaded(page *rod.Page, selector string) (found bool, element *rod.Element, err error) {
	state, err := page.Eval(`() => document.readyState`)
	if err != nil || state.Value.Str() != "complete" {
		return false, nil, err
	}
	return page.Has(selector)
}

// Becomes waits until an expression is true in a page.
func Becomes(t *testing.T, page *rod.Page, what, expression string) {
	t.Helper()
	wait(t, On(page, what+" ("+expression+")", func(now *rod.Page) (bool, error) {
		value, err := now.Eval("() => Boolean(" + expression + ")")
		return err == nil && value.Value.Bool(), err
	}))
}

// wait is story.Reach, without a word for what comes within a moment.
func wait(t *testing.T, milestone story.Milestone) {
	t.Helper()
	err := story.Follow(t.Context(), time.Now(), []story.Milestone{milestone}, func(e story.Event) {
		if e.Waiting {
			t.Helper()
			t.Logf("%s", e)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}
