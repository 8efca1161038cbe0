package route

import (
	"net/http"

	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// Watched is the Activity of package activity.
type Watched struct {
	*activity.Recorder
	Rules activity.Rules
}

// Counts reports whether a person caused a request.
func (w Watched) Counts(r *http.Request) bool { return w.Rules.Counts(r) }

// Frames takes what a visitor sends over a WebSocket.
func (w Watched) Frames(c directory.Carrel) func([]byte) {
	return w.Rules.Frames(func() { w.Touch(c) })
}
