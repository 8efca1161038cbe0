// Package activity tells the actions of people apart from what programs do by
// themselves, and writes, coarsely, when a person last used a carrel.
package activity

import (
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// Rules decide which requests and frames count as a person's. The zero value has the
// defaults.
type Rules struct {
	// QuietPaths are paths whose requests never count, such as those that a page polls.
	// A path that ends in / stands for everything below it.
	QuietPaths []string
	// MinFrame is the least length, in bytes as sent, of a WebSocket frame that may be a
	// person's on a connection that is never silent; 0 means 12.
	MinFrame uint64
	// Clock defaults to the real clock.
	Clock clock.PassiveClock
}

// An editor sends frames by itself. These figures were measured with code-server 4.100
// in Chromium, whose frames are compressed. A tab that nobody touches sends keep-alives
// of 6 to 9 bytes, which defaultMinFrame leaves out. It also sends larger frames about
// once a second, because a file below its home changes so often: at most 6 within
// burstWithin on one connection. A pressed key makes a frame of 13 bytes or more on each
// of two connections; two keys a second make 9 frames within burstWithin.
const (
	defaultMinFrame = 12
	burst           = 8
	burstWithin     = 3 * time.Second
)

// A terminal sends nothing by itself, and a key pressed in one makes a frame of two
// bytes. A connection on which nothing came for silentFor counts as silent for
// silenceHolds. On a silent connection, keys frames of any size within keysWithin are a
// person's. An editor's tab in the background, whose timers a browser runs once a
// minute, sends fewer at a time.
const (
	silentFor    = 30 * time.Second
	silenceHolds = 10 * time.Minute
	keys         = 4
	keysWithin   = 10 * time.Second
)

// Counts reports whether a person caused a request: by going to a page, by changing
// something, or by a program that is no browser. Requests that a page makes by itself do
// not count. Nor does the opening of a WebSocket, because a page that lost its
// connection tries to open one forever.
func (u Rules) Counts(r *http.Request) bool {
	// Chromium sends no Sec-Fetch-Mode with a WebSocket, hence the Upgrade header.
	if u.quiet(r.URL.Path) || r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Upgrade") != "" {
		return false
	}
	switch r.Method {
	case http.MethodHead, http.MethodOptions:
		return false
	case http.MethodGet:
	default:
		return true
	}
	switch r.Header.Get("Sec-Fetch-Mode") {
	case "": // not sent by a present-day browser
		return true
	case "navigate":
		// The page of an iframe is loaded by the page around it.
		return r.Header.Get("Sec-Fetch-Dest") == "document"
	}
	return false
}

func (u Rules) quiet(path string) bool {
	for _, q := range u.QuietPaths {
		if path == q || strings.HasSuffix(q, "/") && strings.HasPrefix(path, q) {
			return true
		}
	}
	return false
}

// Frames returns a function that takes the bytes which a browser sends over one
// WebSocket, in pieces of any length. It calls touch for each frame that a person caused.
func (u Rules) Frames(touch func()) func([]byte) {
	now := time.Now
	if u.Clock != nil {
		now = u.Clock.Now
	}
	s := &stream{least: u.MinFrame, last: now()}
	if s.least == 0 {
		s.least = defaultMinFrame
	}
	follower := frame.Follower{Seen: func(h frame.Header) {
		if h.Opcode.IsData() && s.isPerson(h.Length, now()) {
			touch()
		}
	}}
	return follower.Feed
}

// stream records when frames came on one connection.
type stream struct {
	// least is the least length of a frame that counts as large.
	least uint64
	last  time.Time
	// silent is the time at which the connection was last found to be silent.
	silent time.Time
	// large holds the times of the latest large frames, and any of those of any length.
	large [burst]time.Time
	any   [keys]time.Time
}

// isPerson reports whether a frame that comes now is taken to be a person's.
func (s *stream) isPerson(length uint64, now time.Time) bool {
	if now.Sub(s.last) >= silentFor {
		s.silent = now
	}
	s.last = now
	if push(s.any[:], now) <= keysWithin && now.Sub(s.silent) <= silenceHolds {
		return true
	}
	return length >= s.least && push(s.large[:], now) <= burstWithin
}

// push appends a time, drops the first, and returns the span of the times.
func push(times []time.Time, now time.Time) time.Duration {
	copy(times, times[1:])
	times[len(times)-1] = now
	return now.Sub(times[0])
}
