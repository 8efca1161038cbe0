// Package chromium is a real browser for tests. It does what a careful person does:
// it waits until a page shows what it looks for, clicks what can be clicked, checks
// that what it types arrives, and says what it waits for. When a test fails it keeps
// a picture of each page.
package chromium

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/launcher/flags"
)

// screenshots is where pictures are kept, seen from the folder of a test.
const screenshots = "../../dist/screenshots"

// lasts bounds what is done in a browser from its start to the end of its test.
const lasts = 15 * time.Minute

// pageWithin bounds what is done with a page once a test has failed.
const pageWithin = 15 * time.Second

// Start starts Debian's Chromium, headless, until the test ends.
func Start(t *testing.T) *rod.Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no browser: run ci/install-packages: %v", err)
	}
	dir, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		t.Fatal(err)
	}
	chromium := launcher.New().Bin(path).Headless(true).NoSandbox(true).UserDataDir(dir).
		Set("disable-quic").Set("disable-background-networking").Set("disable-component-update").Set("disable-sync").
		Set(flags.Flag("disable-gpu")).
		// Without WebGL, which costs a processor here, terminals are elements of the
		// page: what they show can be read.
		Set(flags.Flag("disable-3d-apis")).
		// The certificate of a gateway in a test is its own word.
		Set(flags.Flag("ignore-certificate-errors"))
	url, err := chromium.Launch()
	if err != nil {
		_ = os.RemoveAll(dir)
		t.Fatalf("start the browser: %v", err)
	}
	t.Cleanup(func() {
		chromium.Kill()
		chromium.Cleanup() // waits for its end, for it writes to its directory until then
	})
	b := rod.New().ControlURL(url)
	if err := b.Connect(); err != nil {
		t.Fatalf("reach the browser: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			keepAll(t, b)
		}
	})
	// What rod calls a panic ends this test, and not those beside it.
	return b.Timeout(lasts).WithPanic(func(problem any) {
		t.Helper()
		t.Fatalf("in the browser: %v", problem)
	})
}

// Keep keeps a picture of what a page shows.
func Keep(t *testing.T, page *rod.Page, name string) {
	t.Helper()
	if _, err := keep(page, name); err != nil {
		t.Fatalf("keep a picture of the page: %v", err)
	}
}

func keep(page *rod.Page, name string) (path string, err error) {
	path, err = filepath.Abs(filepath.Join(screenshots, strings.ReplaceAll(name, "/", "-")+".png"))
	if err != nil {
		return "", err
	}
	picture, err := page.Timeout(pageWithin).Screenshot(false, nil)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return path, os.WriteFile(path, picture, 0o600)
}

// keepAll keeps a picture of each page of a failed test and logs what it says.
func keepAll(t *testing.T, b *rod.Browser) {
	t.Helper()
	// The test's own context has ended.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	defer cancel()
	pages, err := b.Context(ctx).Pages()
	if err != nil {
		t.Logf("no pictures: the browser does not list its pages: %v", err)
		return
	}
	for i, page := range pages {
		page = page.Context(ctx)
		path, err := keep(page, fmt.Sprintf("%s-failed-%d", t.Name(), i+1))
		if err != nil {
			path = fmt.Sprintf("no picture (%v)", err)
		}
		t.Logf("page %d of %d: %s\n%s", i+1, len(pages), path, describe(page, 2000))
	}
}

var blank = regexp.MustCompile(`\s+`)

// describe is where a page is and how its text begins.
func describe(page *rod.Page, enough int) string {
	info, err := page.Timeout(pageWithin).Eval(`() => location.href + " says: " + (document.body ? document.body.innerText : "nothing")`)
	if err != nil {
		return fmt.Sprintf("a page that does not answer: %v", err)
	}
	text := []rune(blank.ReplaceAllString(info.Value.Str(), " "))
	if len(text) > enough {
		text = append(text[:enough], '…')
	}
	return string(text)
}
