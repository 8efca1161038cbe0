package route

import (
	"errors"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// tunnel wraps the carrel's end of an upgraded connection, for httputil.ReverseProxy to
// copy from and to. It watches what is sent, and can close the connection between two
// frames.
type tunnel struct {
	io.ReadWriteCloser
	open
	// sent is called with the bytes that the visitor sends.
	sent func([]byte)
	// done is called once, when the tunnel is closed.
	done func()
	once sync.Once

	mu sync.Mutex
	// far is the visitor's end; nil until WriteTo is called.
	far  io.Writer
	seen frame.Follower
	// closing is the Close frame to send after the present frame; nil if none is.
	closing []byte
	// farCloser closes the visitor's end without mu, which a blocked write holds.
	farCloser atomic.Pointer[io.Closer]
}

// closeWithin bounds how long a Close frame waits for the end of the present frame, and
// for a visitor who does not read.
const closeWithin = 5 * time.Second

var errClosedByGateway = errors.New("the tunnel was closed by the gateway")

// ReadFrom copies from the visitor to the carrel. io.Copy calls it.
func (t *tunnel) ReadFrom(visitor io.Reader) (int64, error) {
	return pump(visitor, func(p []byte) error {
		t.sent(p)
		_, err := t.Write(p)
		return err
	})
}

// WriteTo copies from the carrel to the visitor. io.Copy calls it.
func (t *tunnel) WriteTo(visitor io.Writer) (int64, error) {
	if err := t.setFar(visitor); err != nil {
		return 0, err
	}
	return pump(t.ReadWriteCloser, t.toVisitor)
}

// setFar sets the visitor's end, and closes the tunnel if end was called before.
func (t *tunnel) setFar(visitor io.Writer) error {
	if closer, ok := visitor.(io.Closer); ok {
		t.farCloser.Store(&closer)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.far = visitor
	return t.closeBetweenFrames()
}

func (t *tunnel) toVisitor(p []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.far.Write(p); err != nil {
		return err
	}
	t.seen.Feed(p)
	return t.closeBetweenFrames()
}

// closeBetweenFrames sends the Close frame and closes the tunnel, if end was called and no
// frame is under way.
func (t *tunnel) closeBetweenFrames() error {
	if t.closing == nil || t.far == nil || !t.seen.Between() {
		return nil
	}
	_, _ = t.far.Write(t.closing) // fails only if the visitor has left
	_ = t.Close()
	return errClosedByGateway
}

// end closes the tunnel with a Close frame, after the frame that is under way. If that
// does not end within closeWithin, it closes the tunnel without one.
func (t *tunnel) end(code uint16, reason string) {
	time.AfterFunc(closeWithin, t.closeBoth)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closing = frame.NewClose(code, reason)
	_ = t.closeBetweenFrames()
}

// closeBoth closes both ends at once.
func (t *tunnel) closeBoth() {
	_ = t.Close()
	if closer := t.farCloser.Load(); closer != nil {
		_ = (*closer).Close()
	}
}

// Close closes the carrel's end. The proxy then closes the visitor's.
func (t *tunnel) Close() error {
	t.once.Do(t.done)
	return t.ReadWriteCloser.Close()
}

// CloseWrite shuts down the direction to the carrel, when the visitor sends no more.
func (t *tunnel) CloseWrite() error {
	if half, ok := t.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return t.Close()
}

const (
	// restingBuffer is the size of the buffer that a tunnel holds while it is quiet. There
	// are thousands of tunnels, and most are quiet most of the time.
	restingBuffer = 512
	// busyBuffer is the size of the buffer that a tunnel borrows while much is sent.
	busyBuffer = 32 << 10
)

var busyBuffers = sync.Pool{New: func() any { return new([busyBuffer]byte) }}

// pump copies until the end of from. It uses the small buffer until that is filled by one
// read.
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

// rush copies with the large buffer until a read would have fit in the small one.
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
		runtime.Gosched() // as takingTurns does
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
