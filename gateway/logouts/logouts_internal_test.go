package logouts

import (
	"fmt"
	"testing"
	"time"
)

// A ConfigMap with more entries than the gateway writes does not fill its memory.
func TestWhatIsLoadedIsBounded(t *testing.T) {
	const most = 16_000
	data := map[string]string{}
	for i := range most + 1000 {
		data[fmt.Sprint("user", i)] = "1000/2000"
	}
	s := New(nil, func() time.Time { return time.Unix(1000, 0) })
	s.Load(data)
	if n := len(s.entries); n != most {
		t.Errorf("it holds %d entries, want %d", n, most)
	}
}
