package route_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/route"
)

// echo is a carrel that returns each message.
var echo = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(rw, r, nil)
	if err != nil {
		return
	}
	conn.SetReadLimit(-1)
	defer func() { _ = conn.CloseNow() }()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil || conn.Write(r.Context(), kind, message) != nil {
			return
		}
	}
})

// dial opens a WebSocket as a page of an origin.
func (w *world) dial(user, host, origin string) (*websocket.Conn, *http.Response, error) {
	w.t.Helper()
	header := http.Header{}
	header.Set(asHeader, user)
	header.Set(secretHeader, secret)
	if origin != "" {
		header.Set("Origin", origin)
	}
	conn, res, err := websocket.Dial(w.t.Context(), "ws://"+host+"/socket", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: w.transport()}, HTTPHeader: header,
	})
	if err == nil {
		conn.SetReadLimit(-1)
		w.t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, res, err
}

func (w *world) mustDial(user string) *websocket.Conn {
	w.t.Helper()
	conn, _, err := w.dial(user, hanas, "https://"+hanas)
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

func exchange(ctx context.Context, conn *websocket.Conn, message []byte) error {
	if err := conn.Write(ctx, websocket.MessageBinary, message); err != nil {
		return err
	}
	_, got, err := conn.Read(ctx)
	if err == nil && string(got) != string(message) {
		err = fmt.Errorf("%d bytes came back of %d", len(got), len(message))
	}
	return err
}

func TestWebSocketsCarryAllSizes(t *testing.T) {
	w := newWorld(t, echo)
	conn := w.mustDial("hana")
	if open := w.openSockets(); open != 1 {
		t.Errorf("%d connections are counted as open, want 1", open)
	}
	for _, size := range []int{0, 1, 125, 126, 511, 512, 513, 65535, 65536, 1 << 20, 3} {
		if err := exchange(t.Context(), conn, make([]byte, size)); err != nil {
			t.Fatalf("a message of %d bytes: %v", size, err)
		}
	}
	if err := conn.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("close: %v", err)
	}
	until(t, "the connection is not counted any more", func() bool { return w.openSockets() == 0 })
}

// The page of another student is of the same site, so a browser sends cookies with it.
func TestPagesOfOthersOpenNoWebSocket(t *testing.T) {
	w := newWorld(t, echo)
	for _, origin := range []string{"https://" + kens, "https://" + desk, "null", "", "http://" + hanas, "https://" + hanas + ".evil.example", "https://" + domain} {
		if _, res, err := w.dial("hana", hanas, origin); err == nil || res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("a page of %q opened a WebSocket: %v", origin, err)
		}
	}
}

// 500 changes of the roster end none of 200 connections.
func TestRosterChangesDropNoWebSocket(t *testing.T) {
	w := newWorld(t, echo)
	const connections, changes = 200, 500
	all := make([]*websocket.Conn, connections)
	for i := range all {
		all[i] = w.mustDial("hana")
	}
	for i := range changes {
		name := fmt.Sprintf("new-%d", i/2)
		if i%2 == 0 {
			w.cluster.Set(userland(name, v1alpha1.StateAsleep), "")
		} else {
			w.cluster.Remove("prog1", name)
		}
	}
	for i, conn := range all {
		if err := exchange(t.Context(), conn, fmt.Appendf(nil, "still %d", i)); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if open := w.openSockets(); open != connections {
		t.Errorf("%d connections are open, want %d", open, connections)
	}
}

func TestDrainLetsConnectionsGo(t *testing.T) {
	w := newWorld(t, echo)
	conn := w.mustDial("hana")
	leave, now := context.WithCancel(t.Context())
	drained := make(chan struct{})
	go func() {
		w.router.Drain(leave, time.Minute)
		close(drained)
	}()
	// The connection works until the time is over.
	for range 3 {
		if err := exchange(t.Context(), conn, []byte("working")); err != nil {
			t.Fatal(err)
		}
	}
	now()
	_, _, err := conn.Read(t.Context())
	var closed websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != websocket.StatusGoingAway {
		t.Errorf("it ended by %v, want a Close frame that says going away", err)
	}
	select {
	case <-drained:
	case <-time.After(time.Minute):
		t.Error("the drain does not end")
	}
}

// The Close frame waits for the end of the present frame. Within it, it would be taken for
// payload.
func TestDrainWaitsForTheEndOfAFrame(t *testing.T) {
	rest := make(chan struct{})
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		key := r.Header.Get("Sec-WebSocket-Key")
		_, _ = fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", accept(key))
		_, _ = buffered.Write([]byte{0x82, 6, 'a', 'b', 'c'})
		_ = buffered.Flush()
		<-rest
		_, _ = buffered.WriteString("def")
		_ = buffered.Flush()
		_, _ = io.Copy(io.Discard, conn)
	}))
	conn := w.mustDial("hana")
	_, message, err := conn.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("abc"))
	if _, err := io.ReadFull(message, first); err != nil {
		t.Fatal(err)
	}
	leave, now := context.WithCancel(t.Context())
	now()
	w.router.Drain(leave, 50*time.Millisecond) // in vain: the frame has not ended
	close(rest)
	second, err := io.ReadAll(message)
	if err != nil || string(first)+string(second) != "abcdef" {
		t.Errorf("read %q and %q, %v", first, second, err)
	}
	_, _, err = conn.Read(t.Context())
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("it ended by %v", err)
	}
}

func TestConnectionsOfWhoMayNoLongerEnd(t *testing.T) {
	w := newWorld(t, echo)
	w.staff["teacher"] = true
	theirs, own := w.mustDial("teacher"), w.mustDial("hana")
	w.staff["teacher"] = false
	w.router.Review(t.Context())
	if _, _, err := theirs.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("that of who may no longer ended by %v", err)
	}
	if err := exchange(t.Context(), own, []byte("mine")); err != nil {
		t.Errorf("the owner's: %v", err)
	}
}

// worldWithCookies returns a world in which users log in by a cookie, its clock, and the
// function that logs a user in and returns the header with the cookie.
func worldWithCookies(t *testing.T) (*world, *clocktesting.FakePassiveClock, func(user string) http.Header) {
	t.Helper()
	now := clocktesting.NewFakePassiveClock(time.Now())
	var cookies func(string) http.Header
	w := newWorldWith(t, echo, func(rt *route.Router) {
		rt.Clock = now
		_, cookies = loginByCookie(t, rt, now)
	})
	return w, now, cookies
}

func (w *world) dialWith(header http.Header) *websocket.Conn {
	w.t.Helper()
	header.Set("Origin", "https://"+hanas)
	conn, _, err := websocket.Dial(w.t.Context(), "ws://"+hanas+"/socket", &websocket.DialOptions{HTTPClient: &http.Client{Transport: w.transport()}, HTTPHeader: header})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

// An open WebSocket ends with its login. That of staff ends when their groups were not
// checked for long, since they may have left a group.
func TestWebSocketsEndWithTheLogin(t *testing.T) {
	w, now, cookies := worldWithCookies(t)
	w.staff["teacher"] = true
	own, staffs := w.dialWith(cookies("hana")), w.dialWith(cookies("teacher"))
	now.SetTime(now.Now().Add(90 * time.Minute))
	w.router.Review(t.Context())
	if err := exchange(t.Context(), staffs, []byte("still here")); err != nil {
		t.Errorf("that of staff ended early: %v", err)
	}
	now.SetTime(now.Now().Add(time.Hour))
	w.router.Review(t.Context())
	if _, _, err := staffs.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("that of staff whose groups were not checked ended by %v", err)
	}
	if err := exchange(t.Context(), own, []byte("mine")); err != nil {
		t.Errorf("the owner's ended early: %v", err)
	}
	now.SetTime(now.Now().Add(12 * time.Hour))
	w.router.Review(t.Context())
	if _, _, err := own.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
		t.Errorf("the owner's ended by %v, want the end of the login", err)
	}
}
