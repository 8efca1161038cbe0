// Package observe counts and logs what the gateway serves.
package observe

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"k8s.io/utils/clock"
)

// record collects what handlers note about one request.
type record struct {
	user, course, carrel string
}

type recordKey struct{}

// Note adds the user, course and carrel of a request to its log line and metrics. The
// course must exist, since it becomes a label.
func Note(ctx context.Context, user, course, carrel string) {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		r.user, r.course, r.carrel = user, course, carrel
	}
}

// Handler counts each request, and writes its line to the access log when it has been
// answered.
func Handler(m *Metrics, c clock.PassiveClock, access *AccessLog, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		noted := &record{}
		w := &writer{ResponseWriter: rw, clock: c, began: c.Now()}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, noted))
		// If a visitor leaves early, httputil.ReverseProxy ends the handler by a panic.
		failed := true
		defer func() { w.finish(m, access, r, noted, failed) }()
		next.ServeHTTP(w, r)
		failed = false
	})
}

// writer records the status, size and first byte of an answer.
type writer struct {
	http.ResponseWriter
	clock  clock.PassiveClock
	began  time.Time
	first  time.Duration
	status int
	size   int64
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// begin records that the answer begins with a status.
func (w *writer) begin(status int) { w.status, w.first = status, w.clock.Since(w.began) }

// Hijack hands over the connection when a protocol is switched. The caller writes the
// answer itself, so its status is recorded here.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.begin(http.StatusSwitchingProtocols)
	}
	return conn, buffered, err
}

func (w *writer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.size += int64(n)
	return n, err
}

// Flush implements http.Flusher.
func (w *writer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *writer) finish(m *Metrics, access *AccessLog, r *http.Request, noted *record, failed bool) {
	switch {
	case w.status != 0:
	case failed:
		w.begin(http.StatusInternalServerError)
	default: // a handler that writes nothing answers with an empty body
		w.begin(http.StatusOK)
	}
	m.served(noted.course, w.status, w.first)
	access.write(w.clock.Now(), r, noted, w.status, w.size, w.clock.Since(w.began))
}
