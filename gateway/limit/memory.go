package limit

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// Shortage tells how close the process is to its memory limit.
type Shortage int32

// The degrees of shortage.
const (
	Enough Shortage = iota
	// Short means that names which hold much are to be refused more.
	Short
	// Critical means that everybody is to be refused more.
	Critical
)

const (
	// shortAt and criticalAt are parts of the memory limit. What is in use by then can't
	// be collected, so the rest is all there is for requests under way to grow.
	shortAt, criticalAt = 0.80, 0.92
	// measureEvery is the time between two measurements.
	measureEvery = 100 * time.Millisecond
)

// Memory compares the memory in use with a limit. It is safe for concurrent use.
type Memory struct {
	limit    int64
	used     func() uint64
	measured atomic.Int64
	shortage atomic.Int32
}

// NewMemory returns a Memory with a limit in bytes; 0 means none. The function used
// returns the memory in use, in bytes.
func NewMemory(limit int64, used func() uint64) *Memory { return &Memory{limit: limit, used: used} }

// OfProcess returns the Memory of this process, with the limit of GOMEMLIMIT.
func OfProcess() *Memory {
	bound := debug.SetMemoryLimit(-1)
	if bound == math.MaxInt64 {
		bound = 0
	}
	return NewMemory(bound, Used)
}

// Shortage returns how close the memory in use is to the limit. It measures at most ten
// times a second.
func (m *Memory) Shortage() Shortage {
	if m.limit == 0 {
		return Enough
	}
	now, last := time.Now().UnixNano(), m.measured.Load()
	if now-last >= int64(measureEvery) && m.measured.CompareAndSwap(last, now) {
		m.shortage.Store(int32(m.measure()))
	}
	return Shortage(m.shortage.Load())
}

func (m *Memory) measure() Shortage {
	switch part := float64(m.used()) / float64(m.limit); {
	case part >= criticalAt:
		return Critical
	case part >= shortAt:
		return Short
	}
	return Enough
}

// Used returns the memory of this process that the last garbage collection could not
// free, in bytes, with stacks and the runtime's own. The heap itself is no measure: it
// grows to the limit before garbage is collected.
func Used() uint64 {
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
		{Name: "/memory/classes/metadata/mcache/inuse:bytes"},
		{Name: "/memory/classes/metadata/mspan/inuse:bytes"},
		{Name: "/memory/classes/metadata/other:bytes"},
		{Name: "/memory/classes/os-stacks:bytes"},
		{Name: "/memory/classes/other:bytes"},
	}
	metrics.Read(samples)
	var sum uint64
	for _, s := range samples {
		if s.Value.Kind() == metrics.KindUint64 {
			sum += s.Value.Uint64()
		}
	}
	return sum
}
