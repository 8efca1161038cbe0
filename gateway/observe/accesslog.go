package observe

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	// logBuffer is the size of the buffer of the access log, in bytes.
	logBuffer = 64 << 10
	// flushEvery is the longest time for which a line stays in the buffer.
	flushEvery = time.Second
)

// AccessLog writes one line of JSON for each request that was answered. It is complete:
// when its reader is slow, requests wait, and no line is dropped.
type AccessLog struct {
	mu   sync.Mutex
	to   *bufio.Writer
	line []byte
}

// NewAccessLog returns an AccessLog that writes to w.
func NewAccessLog(w io.Writer) *AccessLog { return &AccessLog{to: bufio.NewWriterSize(w, logBuffer)} }

// Run writes what is in the buffer every second until the context ends, and then the rest.
func (l *AccessLog) Run(ctx context.Context) error {
	ticker := time.NewTicker(flushEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = l.Flush() // the next line meets the same error
		case <-ctx.Done():
			return l.Flush()
		}
	}
}

// Flush writes what is in the buffer.
func (l *AccessLog) Flush() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to.Flush()
}

// write adds the line of a request. It names no path, query or address.
func (l *AccessLog) write(now time.Time, r *http.Request, noted *record, status int, size int64, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.line[:0]
	b = append(b, `{"ts":"`...)
	b = now.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, `","method":`...)
	b = appendText(b, r.Method)
	b = append(b, `,"host":`...)
	b = appendText(b, r.Host)
	b = append(b, `,"proto":`...)
	b = appendText(b, r.Proto)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendInt(b, size, 10)
	b = append(b, `,"seconds":`...)
	b = strconv.AppendFloat(b, took.Seconds(), 'f', 6, 64)
	b = append(b, `,"user":`...)
	b = appendText(b, noted.user)
	b = append(b, `,"course":`...)
	b = appendText(b, noted.course)
	b = append(b, `,"carrel":`...)
	b = appendText(b, noted.carrel)
	b = append(b, "}\n"...)
	l.line = b
	_, _ = l.to.Write(b) // a log that can't be written must not fail the request
}

// appendText appends a text as JSON. Visitors choose the method and the host, so each
// character that could end the text is escaped.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(text) // never fails for a string
			return append(b, quoted...)
		}
	}
	b = append(b, '"')
	b = append(b, text...)
	return append(b, '"')
}
