package activity_test

import (
	"net/http"
	"testing"
	"time"

	testingclock "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/activity"
)

func TestWhatCounts(t *testing.T) {
	rules := activity.Rules{QuietPaths: []string{"/api/poll", "/metrics/"}}
	for _, test := range []struct {
		name, method, path string
		header             map[string]string
		want               bool
	}{
		{"a page somebody goes to", "GET", "/", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"a frame in it", "GET", "/", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, false},
		{"what it loads", "GET", "/app.js", map[string]string{"Sec-Fetch-Mode": "no-cors"}, false},
		{"what it asks for by itself", "GET", "/api/state", map[string]string{"Sec-Fetch-Mode": "cors"}, false},
		{"a WebSocket, which it tries to open for ever", "GET", "/", map[string]string{"Sec-Fetch-Mode": "websocket", "Upgrade": "websocket"}, false},
		{"one that is not said to be of a page", "GET", "/", map[string]string{"Upgrade": "websocket"}, false},
		{"what a browser loads ahead", "GET", "/", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Purpose": "prefetch"}, false},
		{"something changed", "POST", "/save", map[string]string{"Sec-Fetch-Mode": "cors"}, true},
		{"a file put", "PUT", "/file", nil, true},
		{"a program", "GET", "/", nil, true},
		{"a probe", "HEAD", "/", nil, false},
		{"what a browser asks before", "OPTIONS", "/save", nil, false},
		{"a quiet path", "POST", "/api/poll", nil, false},
		{"one that begins like it", "POST", "/api/polls", nil, true},
		{"below a quiet path", "GET", "/metrics/cpu", nil, false},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range test.header {
			r.Header.Set(name, value)
		}
		if got := rules.Counts(r); got != test.want {
			t.Errorf("%s: it counts %v, want %v", test.name, got, test.want)
		}
	}
}

// masked returns a frame as a browser sends it.
func masked(opcode, length byte) []byte {
	return append([]byte{0x80 | opcode, 0x80 | length, 1, 2, 3, 4}, make([]byte, length)...)
}

func TestFramesOfAPerson(t *testing.T) {
	const ping, binary = 9, 2
	for _, test := range []struct {
		name string
		// lengths are those of frames, which repeat, and apart is the time between two.
		lengths []byte
		apart   time.Duration
		want    bool
	}{
		{"two keys a second, and a file that changes once", []byte{14, 13, 15}, time.Second / 3, true},
		{"a file that changes once a second", []byte{15}, time.Second, false},
		{"and a ping of its own every other second", []byte{15, 13, 15}, 2 * time.Second / 3, false},
		{"keep-alives, however many", []byte{7, 9, 6}, time.Millisecond, false},
		{"a page that loads", []byte{200, 60, 14}, 20 * time.Millisecond, true},
	} {
		now := testingclock.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
		touched := false
		take := activity.Rules{Clock: now}.Frames(func() { touched = true })
		for i := range 60 {
			take(masked(ping, 100)) // control frames, however large
			take(masked(binary, test.lengths[i%len(test.lengths)]))
			now.SetTime(now.Now().Add(test.apart))
		}
		if touched != test.want {
			t.Errorf("%s: a person %v, want %v", test.name, touched, test.want)
		}
	}
}

// A terminal sends nothing by itself, and a pressed key makes a frame of two bytes.
func TestFramesOfATerminal(t *testing.T) {
	const binary = 2
	for _, test := range []struct {
		name   string
		before time.Duration
		// lengths are those of frames, with the time before each.
		lengths []byte
		apart   time.Duration
		want    bool
	}{
		{"a command typed", time.Minute, []byte{2, 2, 2, 2, 2}, time.Second, true},
		{"one right after it was opened", 0, []byte{2, 2, 2, 2, 2}, time.Second, false},
		{"a key now and then", time.Minute, []byte{2, 2, 2, 2, 2, 2}, 20 * time.Second, false},
		{"an editor's tab in the background: a few once a minute", time.Minute, []byte{7, 9, 13}, time.Millisecond, false},
	} {
		now := testingclock.NewFakePassiveClock(time.Unix(1_800_000_000, 0))
		touched := false
		take := activity.Rules{Clock: now}.Frames(func() { touched = true })
		for range 3 {
			now.SetTime(now.Now().Add(test.before))
			for _, length := range test.lengths {
				now.SetTime(now.Now().Add(test.apart))
				take(masked(binary, length))
			}
		}
		if touched != test.want {
			t.Errorf("%s: a person %v, want %v", test.name, touched, test.want)
		}
	}
}
