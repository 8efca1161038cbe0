// Package chromium is a real browser for tests: it finds in a page what a person would
// wait for, and keeps pictures to be looked at.
package chromium

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/cdp"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/launcher/flags"
)

// screenshots is where pictures are kept, seen from the folder of a test.
const screenshots = "../../dist/screenshots"

// Start starts Debian's Chromium, headless, until the test ends.
func Start(t *testing.T) *rod.Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no browser: run ci/install-packages: %v", err)
	}
	chromium := launcher.New().Bin(path).Headless(true).NoSandbox(true).UserDataDir(t.TempDir()).
		Set("disable-quic").Set("disable-background-networking").Set("disable-component-update").Set("disable-sync").
		Set(flags.Flag("disable-gpu")).
		// The certificate of a gateway in a test is its own word.
		Set(flags.Flag("ignore-certificate-errors"))
	url, err := chromium.Launch()
	if err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(chromium.Kill)
	b := rod.New().ControlURL(url)
	if err := b.Connect(); err != nil {
		t.Fatalf("reach the browser: %v", err)
	}
	return b
}

// Keep keeps a picture of what a page shows.
func Keep(t *testing.T, page *rod.Page, name string) {
	t.Helper()
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	page.MustScreenshot(filepath.Join(screenshots, name+".png"))
}

// Find waits for the first element of a CSS selector, through as many other pages as
// are shown on the way. Where it does not come before the page's context ends, the test
// does, with what the page shows instead.
func Find(t *testing.T, page *rod.Page, selector string) *rod.Element {
	t.Helper()
	return FindWords(t, page, selector, ".*")
}

// FindWords is Find for an element that holds words, a regular expression.
func FindWords(t *testing.T, page *rod.Page, selector, words string) *rod.Element {
	t.Helper()
	for {
		element, err := page.ElementR(selector, words)
		if err == nil {
			return element
		}
		// A page that goes away while it is asked answers that it did.
		if left := (*cdp.Error)(nil); !errors.As(err, &left) || page.GetContext().Err() != nil {
			giveUp(t, page, selector, words, err)
		}
		time.Sleep(50 * time.Millisecond) // for the next page to come; nothing depends on it
	}
}

func giveUp(t *testing.T, page *rod.Page, selector, words string, cause error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	page = page.Context(ctx).WithPanic(func(err any) { t.Fatalf("no %s with %q (%v), nor a page: %v", selector, words, cause, err) })
	Keep(t, page, t.Name()+"-failed")
	t.Fatalf("no %s with %q: %v; %s shows instead:\n%s", selector, words, cause, page.MustInfo().URL, page.MustElement("body").MustText())
}
