// Package observe counts and logs what the gateway serves.
package observe

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// Record is what is noted of one request on its way.
type record struct {
	user, course, carrel string
}

type recordKey struct{}

// Note says whose a request is and what it is for. The course must be one that there
// is: it becomes a label of metrics.
func Note(ctx context.Context, user, course, carrel string) {
	if r, ok := ctx.Value(recordKey{}).(*record); ok {
		r.user, r.course, r.carrel = user, course, carrel
	}
}

// Handler counts each request, and logs it when it is over: its time, method, host,
// status, size and user, and neither path nor query nor address.
func Handler(m *Metrics, c clock.PassiveClock, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		noted := &record{}
		w := &writer{ResponseWriter: rw, clock: c, began: c.Now()}
		r = r.WithContext(context.WithValue(r.Context(), recordKey{}, noted))
		// A visitor who leaves in the middle ends the handler by a panic.
		failed := true
		defer func() { w.finish(m, r, noted, failed) }()
		next.ServeHTTP(w, r)
		failed = false
	})
}

// writer sees what is answered.
type writer struct {
	http.ResponseWriter
	clock  clock.PassiveClock
	began  time.Time
	first  time.Duration
	status int
	size   int64
}

// Unwrap lets http.ResponseController find what the writer is of.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 && (status >= http.StatusOK || status == http.StatusSwitchingProtocols) {
		w.begin(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

// begin notes that the answer begins.
func (w *writer) begin(status int) { w.status, w.first = status, w.clock.Since(w.began) }

// Hijack hands over the connection, as to the proxy where protocols are switched: it
// writes the answer past us.
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

// Flush sends what was written so far.
func (w *writer) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

func (w *writer) finish(m *Metrics, r *http.Request, noted *record, failed bool) {
	switch {
	case w.status != 0:
	case failed:
		w.begin(http.StatusInternalServerError)
	default: // nothing written is an empty answer
		w.begin(http.StatusOK)
	}
	m.served(noted.course, w.status, w.first)
	log.FromContext(r.Context()).Info("served", "method", r.Method, "host", r.Host, "proto", r.Proto, "status", w.status, "bytes", w.size,
		"seconds", w.clock.Since(w.began).Seconds(), "user", noted.user, "course", noted.course, "carrel", noted.carrel)
}
