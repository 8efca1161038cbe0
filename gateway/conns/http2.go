package conns

// One connection of HTTP/2 carries many requests. The server holds each until the visitor
// has taken its answer, even those that it refuses itself, such as large headers, which no
// handler sees. So such connections have bounds of their own. Over the first one, a new
// connection speaks HTTP/1.1, which no visitor notices.
const (
	// maxHTTP2 bounds the connections of HTTP/2 that brought no login, of all addresses.
	maxHTTP2 = 64
	// maxUserHTTP2 bounds those of one user. A browser opens one to each of a few hosts.
	maxUserHTTP2 = 16
)

// offerHTTP2 reports whether HTTP/2 is offered on a new connection. A connection to which it
// is offered counts as one.
func (c *Connections) offerHTTP2(one *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case one.large:
		return false
	case one.address == "":
		return true
	case !one.counted || c.http2 >= maxHTTP2:
		return false
	}
	c.http2++
	one.http2 = true
	return true
}

// mayHTTP2 reports whether a connection may become a user's.
func (c *Connections) mayHTTP2(one *conn, user string) bool {
	return !one.http2 || c.http2ByUser[user] < maxUserHTTP2
}

// leaveHTTP2 takes a connection out of the counts of those of HTTP/2, before its user
// changes or it ends.
func (c *Connections) leaveHTTP2(one *conn) {
	switch {
	case !one.http2:
	case one.user != "":
		lower(c.http2ByUser, one.user)
	default:
		c.http2--
	}
}
