package route

import (
	"net/http"

	"github.com/carrel-dev/carrel/gateway/page"
)

// MaxHeader bounds the size of the headers of a request, in bytes. A server that reads more
// leaves the answer to the Router.
const MaxHeader = 32 << 10

// isLarge reports whether the headers of a request are larger than MaxHeader.
func isLarge(r *http.Request) bool {
	size := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value)
		}
	}
	return size > MaxHeader
}

// tooLarge answers a request whose headers are too large. It deletes the visitor's cookies
// if they are the cause, because the browser would send them again for ever.
func (rt *Router) tooLarge(rw http.ResponseWriter, r *http.Request) {
	rt.Metrics.Refused("headers")
	if r.ContentLength != 0 {
		rw.Header().Set("Connection", "close") // the server would first read the body
	}
	if !rt.Login.DeleteCookies(rw, r) {
		page.ProblemWithWays(rw, r, http.StatusRequestHeaderFieldsTooLarge, "headers", rt.ways())
	}
}
