package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Stream sends server-sent events to an open page.
type Stream struct {
	rw         http.ResponseWriter
	controller *http.ResponseController
}

// NewStream starts the answer. It returns nil if the connection does not support
// streaming; then the request has been answered.
func NewStream(rw http.ResponseWriter) *Stream {
	controller := http.NewResponseController(rw)
	// A page listens as long as it is open, so the server's limit is lifted. This fails
	// for a server that has none.
	_ = controller.SetWriteDeadline(time.Time{})
	secure(rw.Header())
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	rw.WriteHeader(http.StatusOK)
	if err := controller.Flush(); err != nil {
		return nil
	}
	return &Stream{rw: rw, controller: controller}
}

// Send sends an event with data as JSON. The browser repeats the id, which may be empty,
// when it connects again. Send fails if the page was closed.
func (s *Stream) Send(event, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return s.write(fmt.Sprintf("event: %s\n%sdata: %s\n\n", event, id, text))
}

// KeepAlive sends a comment, so that proxies do not close a quiet connection.
func (s *Stream) KeepAlive() error { return s.write(": \n\n") }

func (s *Stream) write(text string) error {
	if _, err := s.rw.Write([]byte(text)); err != nil {
		return err
	}
	return s.controller.Flush()
}
