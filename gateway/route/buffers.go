package route

import "sync"

// buffers lends what bodies are copied by.
type buffers struct{ pool sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { return new([copyBuffer]byte) }}}
}

// Get and Put are those of a httputil.BufferPool.
func (b *buffers) Get() []byte { return b.pool.Get().(*[copyBuffer]byte)[:] }

// Put takes a buffer back.
func (b *buffers) Put(p []byte) { b.pool.Put((*[copyBuffer]byte)(p)) }
