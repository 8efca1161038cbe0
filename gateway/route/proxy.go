package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
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
	// dialTimeout bounds one connection attempt to a carrel, which is in the same cluster.
	dialTimeout = 3 * time.Second
	// redialFor bounds how long a carrel that refuses connections is dialled again, since
	// a carrel that is ready may still be about to listen.
	redialFor   = 10 * time.Second
	redialEvery = 200 * time.Millisecond
	// idleConnections is the number of idle connections kept to one carrel. A browser keeps
	// six of HTTP/1.1.
	idleConnections = 256
	// allIdleConnections is the number of idle connections kept to all carrels.
	allIdleConnections = 4096
	idleFor            = 90 * time.Second
	// copyBuffer is the size of the buffer by which a body is copied, in bytes.
	copyBuffer = 32 << 10
)

// UserHeader holds the visitor's identity in a request to a carrel.
const UserHeader = "X-User"

// passage holds what was decided about a request to a carrel.
type passage struct {
	carrel  directory.Carrel
	visitor auth.Identity
	login   auth.Login
	// address is the visitor's.
	address string
	// in is the request as the gateway received it.
	in *http.Request
	// silence ends the request by cancel, unless the answer has begun; both are nil for
	// requests that may take any time.
	silence *time.Timer
	cancel  context.CancelCauseFunc
}

// answered records that the carrel's answer has begun.
func (p *passage) answered() {
	if p.silence != nil {
		p.silence.Stop()
	}
}

// end releases what the passage holds when its request is over.
func (p *passage) end() {
	if p.silence != nil {
		p.silence.Stop()
		p.cancel(nil)
	}
}

// silentFor is the default of Router.SilentFor.
const silentFor = 20 * time.Second

var errSilent = errors.New("the carrel accepted the request and said nothing")

type passageKey struct{}

func passageOf(ctx context.Context) *passage { return ctx.Value(passageKey{}).(*passage) }

// newProxy returns the proxy for requests that have a passage. It has no timeout that
// would end a long answer or a slow upload.
func (rt *Router) newProxy() *httputil.ReverseProxy {
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConns:           allIdleConnections,
		MaxIdleConnsPerHost:    idleConnections,
		MaxConnsPerHost:        rt.Bounds.carrelConnections(),
		IdleConnTimeout:        idleFor,
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxResponseHeader,
	}
	return &httputil.ReverseProxy{
		Rewrite:        rewrite,
		Transport:      &redialer{next: transport, carrel: rt.Directory.Carrel},
		BufferPool:     newBuffers(),
		ModifyResponse: rt.clean,
		ErrorHandler:   rt.failed,
		ErrorLog:       stdlog.New(proxyLog{}, "", 0),
	}
}

// proxyLog writes what httputil.ReverseProxy says about bodies that end early to the log, at
// level 1: carrels cause as much of it as they like.
type proxyLog struct{}

func (proxyLog) Write(p []byte) (int, error) {
	log.Log.WithName("proxy").V(1).Info(string(p))
	return len(p), nil
}

// maxResponseHeader bounds the headers of a carrel's answer, in bytes. Programs commonly
// send fewer than 8 KiB, and browsers refuse more than 256 KiB.
const maxResponseHeader = 64 << 10

// rewrite makes the request to the carrel. ReverseProxy has already removed
// X-Forwarded-For, -Host and -Proto and Forwarded, which a visitor may have written.
func rewrite(r *httputil.ProxyRequest) {
	p := passageOf(r.In.Context())
	r.Out.URL.Scheme, r.Out.URL.Host = "http", p.carrel.Target
	r.Out.Host = r.In.Host
	r.Out.URL.RawQuery = r.In.URL.RawQuery // ReverseProxy removes parameters with a ";"
	h := r.Out.Header
	for name := range h {
		if isForwarded(name) {
			delete(h, name)
		}
	}
	h.Set("X-Forwarded-For", p.address)
	h.Set("X-Forwarded-Host", r.In.Host)
	h.Set("X-Forwarded-Proto", "https")
	h.Set("X-Real-Ip", p.address)
	h.Set(UserHeader, p.visitor.User)
	r.Out.Body = inTurns(r.Out.Body, r.Out.ContentLength)
	if takesScript(r.In) {
		h.Del("Accept-Encoding") // the script could not be added to a compressed page
	}
}

// isForwarded reports whether a request header is one that a proxy sets, in any spelling
// that a program takes for the same: CGI and WSGI turn X-Real-Ip and X_Real_Ip into one
// variable.
func isForwarded(name string) bool {
	for _, begin := range []string{"X-Forwarded-", "X-Real-Ip", "Forwarded", "Cf-Access-", "True-Client-Ip", "Cf-Connecting-Ip"} {
		if len(name) >= len(begin) && strings.EqualFold(strings.ReplaceAll(name[:len(begin)], "_", "-"), begin) {
			return true
		}
	}
	return false
}

// clean keeps an answer from affecting other origins, and puts a tunnel around connections
// that are upgraded.
func (rt *Router) clean(res *http.Response) error {
	passageOf(res.Request.Context()).answered()
	auth.CleanResponse(res.Header)
	toOwnOrigin(res)
	rt.vouch(res)
	if res.Trailer != nil && res.Body != nil && res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = &cleanTrailer{res.Body, res}
	}
	if res.StatusCode != http.StatusSwitchingProtocols {
		res.Body = inTurns(res.Body, res.ContentLength)
		if takesScript(passageOf(res.Request.Context()).in) {
			addScript(res)
		}
		rt.follow(res)
		return nil
	}
	// ReverseProxy would not close the connection of an answer that it refuses.
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

// follow lets an answer of unknown length, such as a stream of events, end with the login.
func (rt *Router) follow(res *http.Response) {
	if res.ContentLength >= 0 || res.Body == nil {
		return
	}
	p := passageOf(res.Request.Context())
	body := res.Body
	s := &stream{open{p.visitor, p.login, p.carrel.Course, p.carrel.Name}, func() { _ = body.Close() }}
	rt.streams.add(s)
	res.Body = &followed{body, func() { rt.streams.remove(s) }}
}

// followed is a body that calls a function when it is closed.
type followed struct {
	io.ReadCloser
	closed func()
}

func (f *followed) Close() error {
	f.closed()
	return f.ReadCloser.Close()
}

// cleanTrailer cleans the trailer of an answer, which is known when its body has ended.
type cleanTrailer struct {
	io.ReadCloser
	res *http.Response
}

func (c *cleanTrailer) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	if err != nil {
		auth.CleanResponse(c.res.Trailer)
		delete(c.res.Trailer, "Set-Cookie") // a browser takes none from there
	}
	return n, err
}

// toOwnOrigin makes https of a redirect to the carrel's own host by http, which nothing
// serves. A program that does not know of the proxy in front redirects so.
func toOwnOrigin(res *http.Response) {
	p := passageOf(res.Request.Context())
	if rest, found := strings.CutPrefix(res.Header.Get("Location"), "http://"+p.in.Host); found && (rest == "" || strings.ContainsAny(rest[:1], "/?#")) {
		res.Header.Set("Location", "https://"+p.in.Host+rest)
	}
}

// vouch lets a visitor follow a redirect of the carrel within its host. A browser that
// came by a link of another page says so of the redirect as well, and an editor sends
// everybody from / to an address with a query.
func (rt *Router) vouch(res *http.Response) {
	in := passageOf(res.Request.Context()).in
	location := res.Header.Get("Location")
	if location == "" || causeOf(in) != link || !page.WantsPage(in) {
		return
	}
	there, err := in.URL.Parse(location)
	if err == nil && there.RawQuery != "" && (there.Host == "" || canonical(there.Host) == canonical(in.Host)) {
		rt.Login.Vouch(res.Header, in.Host, there.RequestURI())
	}
}

// failed answers for a carrel that did not answer: with 503, since the carrel will be
// started again.
func (rt *Router) failed(rw http.ResponseWriter, r *http.Request, err error) {
	p := passageOf(r.Context())
	if errors.Is(context.Cause(p.in.Context()), errSilent) { //nolint:contextcheck // The cause is recorded on the visitor's request.
		log.FromContext(r.Context()).Info("a carrel says nothing", "course", p.carrel.Course, "carrel", p.carrel.Name)
		rw.Header().Set("Retry-After", "20")
		page.Silent(rw, r, rt.restartAt(p.carrel))
		return
	}
	if r.Context().Err() != nil {
		// The visitor has left. The status is for the log.
		rw.WriteHeader(statusClientClosed)
		return
	}
	log.FromContext(r.Context()).Info("a carrel did not answer", "course", p.carrel.Course, "carrel", p.carrel.Name, "cause", err.Error())
	rw.Header().Set("Retry-After", "3")
	page.Problem(rw, r, http.StatusServiceUnavailable, "noanswer")
}

// restartAt returns the address of the desk's page on which a carrel is restarted; "" in the
// single-host mode, which has none.
func (rt *Router) restartAt(c directory.Carrel) string {
	if rt.ways() == "" {
		return ""
	}
	return rt.ways() + "/courses/" + c.Course + "/carrels/" + c.Name
}

// statusClientClosed is the status that nginx logs for a visitor who left before the
// answer.
const statusClientClosed = 499

// redialer sends a request again if no connection was made, so that the request can't have
// been sent. It dials the carrel's present address, since the carrel may have moved.
type redialer struct {
	next   http.RoundTripper
	carrel func(course, name string) (directory.Carrel, bool)
}

func (k *redialer) RoundTrip(r *http.Request) (*http.Response, error) {
	until := time.Now().Add(redialFor)
	for {
		res, err := k.next.RoundTrip(repeatable(r))
		if err == nil || !notConnected(err) {
			return res, err
		}
		target, ok := k.await(r.Context(), until)
		if !ok {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Host = target
	}
}

// await waits a moment, and until the carrel has an address. It returns false if the
// carrel is gone or was given to another user, if the time is over, or if the visitor has
// left. An address that the carrel has given up is not dialled again, since another pod
// may have it.
func (k *redialer) await(ctx context.Context, until time.Time) (string, bool) {
	p := passageOf(ctx)
	for time.Now().Before(until) {
		select {
		case <-ctx.Done():
			return "", false
		case <-time.After(redialEvery):
		}
		c, found := k.carrel(p.carrel.Course, p.carrel.Name)
		if !found || c.User != p.carrel.User {
			return "", false
		}
		if c.Target != "" {
			return c.Target, true
		}
	}
	return "", false
}

// repeatable returns the request with a body that stays open when no connection is made;
// the proxy closes it in the end. It drops the hook by which the proxy passes on answers of
// 1xx, because clean does not see these.
func repeatable(r *http.Request) *http.Request {
	sent := r.WithContext(passageOf(r.Context()).in.Context()) //nolint:contextcheck // the same context without the proxy's hook
	if r.Body != nil {
		sent.Body = io.NopCloser(r.Body)
	}
	return sent
}

// notConnected reports whether an error means that no connection was made.
func notConnected(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
