//go:build e2e

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/launcher"
	"github.com/go-rod/rod/lib/launcher/flags"
)

// screenshots is where the pictures the tests take are kept, to be looked at.
const screenshots = "../../dist/screenshots"

// openEditor opens a code-server carrel in a real browser and waits for its
// editor, which needs its WebSocket to work.
func openEditor(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	page := browser(t).Context(ctx).MustPage(address)
	page.MustElement(".monaco-workbench .activitybar")
	// The status bar names the remote once the editor's server has answered.
	page.MustElement(".statusbar-item")
	time.Sleep(time.Second) // lets the picture below show more than a frame; nothing depends on it
	keepPicture(t, page, t.Name())
}

// keepPicture keeps what a page shows.
func keepPicture(t *testing.T, page *rod.Page, name string) {
	t.Helper()
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	page.MustScreenshot(filepath.Join(screenshots, name+".png"))
}

// browser starts Debian's Chromium, headless.
func browser(t *testing.T) *rod.Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("no browser: run ci/install-packages: %v", err)
	}
	chromium := launcher.New().Bin(path).Headless(true).NoSandbox(true).UserDataDir(t.TempDir()).
		Set("disable-quic").Set("disable-background-networking").Set("disable-component-update").Set("disable-sync").
		Set(flags.Flag("disable-gpu")).
		// The certificate of the gateway here is its own word.
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
