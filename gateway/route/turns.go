package route

import (
	"io"
	"net/http"
	"runtime"
)

// bulk is the number of bytes of one body after which its copying lets others go first.
const bulk = 64 << 10

// takingTurns is a body whose copying lets others go first, once much of it was copied. A
// goroutine between peers that are never slow would run for 10 ms at a time, until it is
// preempted, so a visitor with a hundred downloads would hold up everybody for half a second
// at each step of a request. It alone does not suffice: conns.Connections.Secure keeps
// handshakes out of the same queue.
type takingTurns struct {
	io.ReadCloser
	copied int64
}

// inTurns returns a body of a length, which is negative if it is not known.
func inTurns(body io.ReadCloser, length int64) io.ReadCloser {
	if body == nil || body == http.NoBody || length >= 0 && length <= bulk {
		return body
	}
	return &takingTurns{ReadCloser: body}
}

func (b *takingTurns) Read(p []byte) (int, error) {
	if b.copied > bulk {
		runtime.Gosched()
	}
	n, err := b.ReadCloser.Read(p)
	b.copied += int64(n)
	return n, err
}
