package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Stream sends server-sent events to one page.
type Stream struct {
	rw         http.ResponseWriter
	controller *http.ResponseController
}

// NewStream begins the answer. It returns nil if the connection can't be streamed
// on; nothing more can be answered then.
func NewStream(rw http.ResponseWriter) *Stream {
	controller := http.NewResponseController(rw)
	// A page listens as long as it is open, whatever the server's limits. Not all
	// servers have one to lift.
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

// Send sends an event with data as JSON. The id is what the browser names when it
// comes again; it may be empty. It fails when the page is gone.
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

// Breathe keeps proxies from taking a quiet connection for a dead one.
func (s *Stream) Breathe() error { return s.write(": \n\n") }

func (s *Stream) write(text string) error {
	if _, err := s.rw.Write([]byte(text)); err != nil {
		return err
	}
	return s.controller.Flush()
}
