// Package activity tells what a person does from what programs do by themselves, and
// writes down, coarsely, when somebody last did something at a carrel.
package activity

import (
	"net/http"
	"strings"
	"time"

	"k8s.io/utils/clock"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// Rules say what counts.
type Rules struct {
	// QuietPaths are those whose requests do not, as a page's own polling; one that
	// ends in / stands for all below.
	QuietPaths []string
	// MinFrame is from how many bytes on, as sent, what a browser sends over a
	// WebSocket that is never silent may be a person's; 0: 12.
	MinFrame uint64
	// Clock is the real one if nil.
	Clock clock.PassiveClock
}

// An editor talks by itself. Measured with code-server 4.100 in Chromium, whose frames
// are compressed: a tab that nobody touches sends keep-alives of 6 to 9 bytes, which
// defaultMinFrame leaves out, and larger frames about once a second, since a file below
// its home changes so often: at most 6 within burstWithin on one connection. A key
// pressed is one of 13 bytes or more on each of two connections, two a second are 9
// within burstWithin.
const (
	defaultMinFrame = 12
	burst           = 8
	burstWithin     = 3 * time.Second
)

// A terminal does not, and a key pressed in one is two bytes. A connection on which
// nothing came for silentFor is silent by itself, for silenceHolds; there, keys frames
// of any size within keysWithin are a person's. Of an editor's tab in the background,
// whose timers browsers let run once a minute, come fewer at a time.
const (
	silentFor    = 30 * time.Second
	silenceHolds = 10 * time.Minute
	keys         = 4
	keysWithin   = 10 * time.Second
)

// Counts reports whether a person caused a request: they went to a page, or changed
// something, or use a program that is no browser. What a page loads or asks for by
// itself does not count, nor does a WebSocket that is opened: a page that was cut off
// tries that for ever.
func (u Rules) Counts(r *http.Request) bool {
	// Chromium says nothing of the mode of a WebSocket.
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
	case "": // no browser of these days
		return true
	case "navigate":
		// A frame within a page is a part of it.
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

// Frames takes what a browser sends over a WebSocket, in pieces, and calls touch when
// a person caused it.
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

// stream is what is known of the frames of a connection.
type stream struct {
	least uint64
	// last is when the last frame came, silent when it was found to be silent.
	last, silent time.Time
	large        [burst]time.Time
	any          [keys]time.Time
}

// isPerson reports whether a frame is one of those that a person caused.
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

// push puts a time behind others, drops the first, and returns how long all took.
func push(times []time.Time, now time.Time) time.Duration {
	copy(times, times[1:])
	times[len(times)-1] = now
	return now.Sub(times[0])
}
