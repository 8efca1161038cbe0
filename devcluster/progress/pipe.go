package progress

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Encode returns a Sink that writes each event to w as one line of JSON. A
// reader that went away is no reason to stop working, so errors are dropped.
func Encode(w io.Writer) Sink {
	var mu sync.Mutex
	encoder := json.NewEncoder(w)
	return func(event Event) {
		mu.Lock()
		defer mu.Unlock()
		_ = encoder.Encode(event)
	}
}

// Decode hands what Encode wrote to sink until r ends.
func Decode(r io.Reader, sink Sink) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var event Event
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			return fmt.Errorf("read progress: %w", err)
		}
		sink(event)
	}
	return lines.Err()
}
