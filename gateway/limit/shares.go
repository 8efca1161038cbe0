package limit

import "sync"

// Shares bounds how many things each of many names holds at the same time, and how many
// all of them hold together. It is safe for concurrent use.
type Shares struct {
	each, all int

	mu   sync.Mutex
	held map[string]int
	sum  int
}

// NewShares returns Shares of at most each for a name, and at most all for all names. A
// bound of 0 means none.
func NewShares(each, all int) *Shares {
	return &Shares{each: each, all: all, held: map[string]int{}}
}

// Verdict is the result of Shares.Take.
type Verdict int

// The results of Shares.Take.
const (
	// Taken means that the name holds one more.
	Taken Verdict = iota
	// NameFull means that the name holds as many as a name may.
	NameFull
	// AllFull means that all names together hold as many as they may.
	AllFull
)

// Take adds one to what a name holds, unless a bound is reached.
func (s *Shares) Take(name string) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.each > 0 && s.held[name] >= s.each:
		return NameFull
	case s.all > 0 && s.sum >= s.all:
		return AllFull
	}
	s.held[name]++
	s.sum++
	return Taken
}

// Give gives back one that Take took. A name that holds none is forgotten.
func (s *Shares) Give(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sum--
	if s.held[name]--; s.held[name] <= 0 {
		delete(s.held, name)
	}
}

// Held returns how many a name holds.
func (s *Shares) Held(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held[name]
}
