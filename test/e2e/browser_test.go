//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/test/chromium"
)

// openEditor opens a code-server carrel in a real browser and waits for its
// editor, which needs its WebSocket to work.
func openEditor(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	page := chromium.Start(t).Context(ctx).MustPage(address)
	chromium.Find(t, page, ".monaco-workbench .activitybar")
	// The status bar names the remote once the editor's server has answered.
	chromium.Find(t, page, ".statusbar-item")
	time.Sleep(time.Second) // lets the picture below show more than a frame; nothing depends on it
	chromium.Keep(t, page, t.Name())
}
