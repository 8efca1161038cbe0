package route

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/frame"
)

// tunnel is the carrel's end of a connection that was upgraded. It is what a
// httputil.ReverseProxy copies to and from.
type tunnel struct {
	io.ReadWriteCloser
	who    auth.Identity
	course string
	name   string
	// sent is called with what the visitor sends.
	sent func([]byte)
	// done is called once, when the tunnel is closed.
	done func()
	once sync.Once

	mu sync.Mutex
	// visitor is the other end, once there is something to write to it.
	visitor io.Writer
	seen    frame.Follower
	// parting is what to say to the visitor at the end of the frame under way.
	parting []byte
	// far closes the visitor's end, whoever holds mu.
	far atomic.Pointer[io.Closer]
}

// partWithin is how long a goodbye waits for the end of a frame, and for a visitor who
// reads nothing.
const partWithin = 5 * time.Second

var errParting = errors.New("the tunnel was closed by the gateway")

// ReadFrom copies what the visitor sends to the carrel. io.Copy calls it.
func (t *tunnel) ReadFrom(visitor io.Reader) (int64, error) {
	return pump(visitor, func(p []byte) error {
		t.sent(p)
		_, err := t.Write(p)
		return err
	})
}

// WriteTo copies what the carrel sends to the visitor. io.Copy calls it.
func (t *tunnel) WriteTo(visitor io.Writer) (int64, error) {
	if err := t.meet(visitor); err != nil {
		return 0, err
	}
	return pump(t.ReadWriteCloser, t.toVisitor)
}

// meet learns where the visitor is, and parts at once if that is due.
func (t *tunnel) meet(visitor io.Writer) error {
	if far, ok := visitor.(io.Closer); ok {
		t.far.Store(&far)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.visitor = visitor
	return t.part()
}

func (t *tunnel) toVisitor(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.visitor.Write(p); err != nil {
		return err
	}
	t.seen.Feed(p)
	return t.part()
}

// part says goodbye between two frames, if that is due.
func (t *tunnel) part() error {
	if t.parting == nil || t.visitor == nil || !t.seen.Between() {
		return nil
	}
	_, _ = t.visitor.Write(t.parting) // who left does not miss it
	_ = t.Close()
	return errParting
}

// end closes the tunnel with a word to the visitor, at the end of the frame under
// way; without one if that does not come.
func (t *tunnel) end(code uint16, reason string) {
	time.AfterFunc(partWithin, t.cut)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.parting = frame.NewClose(code, reason)
	_ = t.part()
}

// cut closes both ends.
func (t *tunnel) cut() {
	_ = t.Close()
	if far := t.far.Load(); far != nil {
		_ = (*far).Close()
	}
}

// Close closes the carrel's end; the proxy then closes the visitor's.
func (t *tunnel) Close() error {
	t.once.Do(t.done)
	return t.ReadWriteCloser.Close()
}

// CloseWrite tells the carrel that the visitor sends no more.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}

const (
	// restingBuffer is what a tunnel holds while nothing comes: most do nothing most
	// of the time, and there are thousands.
	restingBuffer = 512
	// busyBuffer is what it takes while much does.
	busyBuffer = 32 << 10
)

var busyBuffers = sync.Pool{New: func() any { return new([busyBuffer]byte) }}

// pump reads until the end, in small pieces until there are large ones.
func pump(from io.Reader, take func([]byte) error) (int64, error) {
	var total int64
	resting := make([]byte, restingBuffer)
	for {
		n, err := from.Read(resting)
		if n > 0 {
			total += int64(n)
			if failed := take(resting[:n]); failed != nil {
				return total, failed
			}
		}
		if err == nil && n == len(resting) {
			var more int64
			more, err = rush(from, take)
			total += more
		}
		if err != nil {
			return total, unlessEOF(err)
		}
	}
}

// rush reads with a large buffer for as long as that is filled well.
func rush(from io.Reader, take func([]byte) error) (int64, error) {
	var total int64
	buffer := busyBuffers.Get().(*[busyBuffer]byte)
	defer busyBuffers.Put(buffer)
	for {
		n, err := from.Read(buffer[:])
		if n > 0 {
			total += int64(n)
			if failed := take(buffer[:n]); failed != nil {
				return total, failed
			}
		}
		if err != nil || n <= restingBuffer {
			return total, err
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// tunnels are those open.
type tunnels struct {
	mu   sync.Mutex
	open map[*tunnel]bool
	// idle is closed when the last one has gone, if somebody waits for that.
	idle chan struct{}
}

func (s *tunnels) add(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*tunnel]bool{}
	}
	s.open[t] = true
}

func (s *tunnels) remove(t *tunnel) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, t)
	if len(s.open) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

func (s *tunnels) all() []*tunnel {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*tunnel, 0, len(s.open))
	for t := range s.open {
		all = append(all, t)
	}
	return all
}

// wait returns when none is open, or the context ends; it reports which.
func (s *tunnels) wait(ctx context.Context) bool {
	s.mu.Lock()
	if len(s.open) == 0 {
		s.mu.Unlock()
		return true
	}
	if s.idle == nil {
		s.idle = make(chan struct{})
	}
	idle := s.idle
	s.mu.Unlock()
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return false
	}
}
