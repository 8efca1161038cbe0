package conns

import (
	"container/list"
	"time"
)

// silences holds the connections without a login and without a request under way, oldest
// first.
type silences struct {
	// answered holds those whose last answer was sent. Those in unsettled sent no request
	// yet, or their last answer may be on the way.
	unsettled, answered *list.List
}

func newSilences() silences { return silences{list.New(), list.New()} }

func (s *silences) of(answered bool) *list.List {
	if answered {
		return s.answered
	}
	return s.unsettled
}

// victim returns the connection that is closed in favour of a new one; nil if there is
// none. It is the oldest unsettled one, if that is silent for an age, and otherwise the
// one whose last answer is the longest ago.
func (s *silences) victim(now time.Time, age time.Duration) *conn {
	if first := s.unsettled.Front(); first != nil {
		if one := first.Value.(*conn); now.Sub(one.since) >= age {
			return one
		}
	}
	if first := s.answered.Front(); first != nil {
		return first.Value.(*conn)
	}
	return nil
}

// silence records that a connection has no request under way.
func (c *Connections) silence(one *conn, now time.Time, answered bool) {
	one.since, one.answered = now, answered
	one.ofAll = c.silent.of(answered).PushBack(one)
	one.ofAddress = c.addresses[one.address].silent.of(answered).PushBack(one)
}

// unsilence records that a connection has a request under way, or a user.
func (c *Connections) unsilence(one *conn) {
	if one.ofAll == nil {
		return
	}
	c.silent.of(one.answered).Remove(one.ofAll)
	c.addresses[one.address].silent.of(one.answered).Remove(one.ofAddress)
	one.ofAll, one.ofAddress = nil, nil
}
