package conns

import "time"

const (
	// settleFor is the time for which a connection that is silent is not closed for
	// another one, unless its last answer was sent. A browser brings its request within
	// two round trips.
	settleFor = time.Second
	// waitFor bounds how long a connection waits for a place. It is shorter than the time
	// a server gives to the headers of a request.
	waitFor = 5 * time.Second
	// maxWaiting bounds how many connections wait. Over it, new connections take the places
	// of others before settleFor.
	maxWaiting = 256
	// lookEvery is the time between two looks at all that wait.
	lookEvery = 50 * time.Millisecond
)

// wait lets a connection wait. Its first Read returns when it has a place.
func (c *Connections) wait(one *conn) {
	one.turn = make(chan struct{})
	one.waits = c.waiting.PushBack(one)
	c.lookLater()
}

// lookLater calls look in a while, if any connection waits.
func (c *Connections) lookLater() {
	if c.waiting.Len() > 0 && !c.looking {
		c.looking = true
		time.AfterFunc(lookEvery, c.look)
	}
}

// next gives a place to the connection that waits longest, if there is one. The caller
// closes the victim, which may be nil. It is called after each change.
func (c *Connections) next(now time.Time) *conn {
	first := c.waiting.Front()
	if first == nil {
		return nil
	}
	victim, _ := c.admit(first.Value.(*conn), now)
	return victim
}

// admit gives a place to a connection that waits, if there is one.
func (c *Connections) admit(one *conn, now time.Time) (victim *conn, ok bool) {
	victim, ok = c.place(one, now, settleFor)
	if ok {
		c.waitNoMore(one)
	}
	return victim, ok
}

// waitNoMore ends the wait of a connection.
func (c *Connections) waitNoMore(one *conn) {
	if one.waits != nil {
		c.waiting.Remove(one.waits)
		one.waits = nil
		close(one.turn)
	}
}

// look gives places to all connections that can have one. Silent connections come of age
// without a change, and one whose address is full does not keep those of others waiting.
func (c *Connections) look() {
	now := time.Now()
	var victims []*conn
	c.mu.Lock()
	for at := c.waiting.Front(); at != nil; {
		one := at.Value.(*conn)
		at = at.Next()
		if victim, _ := c.admit(one, now); victim != nil {
			victims = append(victims, victim)
		}
	}
	c.looking = false
	c.lookLater()
	c.mu.Unlock()
	for _, victim := range victims {
		victim.closeConn()
	}
}

// await waits until a connection has a place. If it has none within waitFor, it is closed.
func (c *Connections) await(one *conn) {
	timer := time.NewTimer(waitFor)
	defer timer.Stop()
	select {
	case <-one.turn:
		return
	case <-timer.C:
	}
	c.mu.Lock()
	late := one.waits != nil
	c.waitNoMore(one)
	c.mu.Unlock()
	if late {
		one.closeConn()
	}
}

// leave takes a connection out of the counts, or out of those that wait.
func (c *Connections) leave(one *conn) {
	now := time.Now()
	c.mu.Lock()
	c.waitNoMore(one)
	c.readLarge(one)
	c.settle(one, now)
	c.forget(one)
	victim := c.next(now)
	c.mu.Unlock()
	victim.closeConn()
}
