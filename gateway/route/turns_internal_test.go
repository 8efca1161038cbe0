package route

import (
	"io"
	"runtime"
	"sync/atomic"
	"testing"
)

// endless is a body that never ends, and is never slow.
type endless struct {
	reads atomic.Int64
	over  atomic.Bool
}

func (e *endless) Read(p []byte) (int, error) {
	e.reads.Add(1)
	if e.over.Load() {
		return 0, io.EOF
	}
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// Whoever copies a body without end lets others go first after each read, also through a
// tunnel.
func TestLargeBodiesLetOthersGoFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, copying := range map[string]func(io.ReadCloser){
		"a body": func(body io.ReadCloser) {
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, inTurns(body, -1), make([]byte, 1024))
		},
		"a tunnel": func(body io.ReadCloser) { _, _ = pump(body, func([]byte) error { return nil }) },
	} {
		body, done := &endless{}, make(chan struct{})
		go func() {
			defer close(done)
			copying(body)
		}()
		for body.reads.Load() < 1000 {
			runtime.Gosched()
		}
		const turns = 100
		before := body.reads.Load()
		for range turns {
			runtime.Gosched()
		}
		if got := body.reads.Load() - before; got > 10*turns {
			t.Errorf("%s: %d reads in %d turns", name, got, turns)
		}
		body.over.Store(true)
		<-done
	}
}

func TestSmallBodiesTakeNoTurns(t *testing.T) {
	small := &endless{}
	if body := inTurns(small, bulk); body != io.ReadCloser(small) {
		t.Error("a small body is wrapped")
	}
}
