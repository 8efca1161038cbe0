package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

const (
	// dialWithin bounds one connection to a carrel, which is in the same cluster.
	dialWithin = 3 * time.Second
	// knockFor is how long a carrel that refuses connections is tried again, and
	// knockEvery how often: one that is ready may still be about to listen.
	knockFor   = 10 * time.Second
	knockEvery = 200 * time.Millisecond
	// idleConnections is how many to a carrel are kept for later: browsers keep six
	// of HTTP/1.1.
	idleConnections = 256
	idleFor         = 90 * time.Second
	// copyBuffer is what a body is copied by.
	copyBuffer = 32 << 10
)

// UserHeader tells the program in a carrel who its visitor is.
const UserHeader = "X-User"

// passage is what is known of a request on its way through.
type passage struct {
	carrel directory.Carrel
	who    auth.Identity
	// address is whom the request came from.
	address string
	// in is the request as it came.
	in *http.Request
}

type passageKey struct{}

func passageOf(ctx context.Context) *passage { return ctx.Value(passageKey{}).(*passage) }

// newProxy is what brings requests with a passage to their carrel. Nothing of it
// ends an answer that goes on, or a request that is slow to be sent.
func (rt *Router) newProxy() *httputil.ReverseProxy {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialWithin, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:    idleConnections,
		IdleConnTimeout:        idleFor,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      &knocker{next: transport, carrel: rt.Directory.Carrel},
		BufferPool:     newBuffers(),
		ModifyResponse: rt.clean,
		ErrorHandler:   rt.failed,
	}
}

// maxResponseHeader bounds the headers of a carrel's answer.
const maxResponseHeader = 256 << 10

// rewrite makes the request that a carrel gets. ReverseProxy has taken out
// X-Forwarded-For, -Host and -Proto and Forwarded, which anybody may have written.
func rewrite(r *httputil.ProxyRequest) {
	p := passageOf(r.In.Context())
	r.Out.URL.Scheme, r.Out.URL.Host = "http", p.carrel.Target
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery // as it was written, whatever other programs make of a ";"
	h := r.Out.Header
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") {
			delete(h, name)
		}
	}
	h.Set("X-Forwarded-For", p.address)
	h.Set("X-Forwarded-Host", r.In.Host)
	h.Set("X-Forwarded-Proto", "https")
	h.Set("X-Real-Ip", p.address)
	h.Set(UserHeader, p.who.User)
}

// clean keeps an answer from reaching beyond its own origin, and takes over
// connections that are upgraded.
func (rt *Router) clean(res *http.Response) error {
	auth.CleanResponse(res.Header)
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil
	}
	// The proxy would leave it open.
	if asked, got := res.Request.Header.Get("Upgrade"), res.Header.Get("Upgrade"); len(asked) != len(got) || !strings.EqualFold(asked, got) {
		return fmt.Errorf("the carrel switched to the protocol %q where %q was asked for", got, asked)
	}
	end, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		return errors.New("the carrel switched protocols, and can't be written to")
	}
	res.Body = rt.newTunnel(passageOf(res.Request.Context()), end)
	return nil
}

// failed answers for a carrel that did not: with 503, since what failed comes back.
func (rt *Router) failed(rw http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		// Who left does not miss it; a status is for the log.
		rw.WriteHeader(statusClientClosed)
		return
	}
	p := passageOf(r.Context())
	log.FromContext(r.Context()).Info("a carrel did not answer", "course", p.carrel.Course, "carrel", p.carrel.Name, "cause", err.Error())
	rw.Header().Set("Retry-After", "3")
	page.Problem(rw, r, http.StatusServiceUnavailable, "noanswer")
}

// statusClientClosed is what nginx logs for a visitor who left before the answer.
const statusClientClosed = 499

// knocker tries again where nobody listens yet, or no longer: the request has not
// gone out then. The carrel may have moved meanwhile.
type knocker struct {
	next   http.RoundTripper
	carrel func(course, name string) (directory.Carrel, bool)
}

func (k *knocker) RoundTrip(r *http.Request) (*http.Response, error) {
	p := passageOf(r.Context())
	until := time.Now().Add(knockFor)
	for {
		res, err := k.next.RoundTrip(attempt(r))
		if err == nil || !refused(err) || r.Context().Err() != nil || time.Now().After(until) {
			return res, err
		}
		select {
		case <-r.Context().Done():
			return nil, err
		case <-time.After(knockEvery):
		}
		if c, found := k.carrel(p.carrel.Course, p.carrel.Name); found && c.Target != "" && c.User == p.carrel.User {
			r = r.Clone(r.Context())
			r.URL.Host = c.Target
		}
	}
}

// attempt is a request to send whose body stays open when no connection comes about;
// the proxy closes it in the end. What the carrel says before its answer (1xx) is not
// passed on, as the proxy's context would have it: nothing cleans that.
func attempt(r *http.Request) *http.Request {
	sent := r.WithContext(passageOf(r.Context()).in.Context()) //nolint:contextcheck // the same, but for the proxy's hook on 1xx
	if r.Body != nil {
		sent.Body = io.NopCloser(r.Body)
	}
	return sent
}

// refused reports whether no connection came about.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
