package route_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// heard is a carrel that records its requests.
type heard struct {
	mu  sync.Mutex
	all []*http.Request
	// answer writes the answer; nil writes nothing.
	answer http.HandlerFunc
}

func (h *heard) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	h.mu.Lock()
	h.all = append(h.all, r)
	h.mu.Unlock()
	if h.answer != nil {
		h.answer(rw, r)
	}
}

// asked returns the requests, as "GET /path".
func (h *heard) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var lines []string
	for _, r := range h.all {
		lines = append(lines, r.Method+" "+r.RequestURI)
	}
	return lines
}

func (h *heard) last(t *testing.T) *http.Request {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		t.Fatal("the carrel was not asked anything")
	}
	return h.all[len(h.all)-1]
}

func TestForgedHeadersDoNotReachTheCarrel(t *testing.T) {
	carrel := &heard{}
	w := newWorld(t, carrel)
	r := w.request(http.MethodGet, "hana", hanas, "/", nil)
	for _, name := range []string{
		"X-User", "X_User", "X-Forwarded-User", "Remote-User", "X-Auth-Request-User", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Real-Ip", "Forwarded", "X_Forwarded_For", "X_real_ip", "X-Forwarded_Host",
		"Cf-Access-Authenticated-User-Email", "Cf-Access-Jwt-Assertion", "Tailscale-User-Login", "True-Client-Ip",
	} {
		r.Header[name] = []string{"forged"}
	}
	// Headers that Connection names are not passed on either.
	r.Header.Set("Connection", "close, X-User")
	w.do(r)
	got := carrel.last(t).Header
	for name, values := range got {
		if slices.Contains(values, "forged") {
			t.Errorf("the carrel was sent %s: %q", name, values)
		}
	}
	want := map[string]string{
		"X-User": "hana", "X-Forwarded-For": "127.0.0.1", "X-Real-Ip": "127.0.0.1", "X-Forwarded-Host": hanas, "X-Forwarded-Proto": "https", asHeader: "", secretHeader: "",
	}
	for name, value := range want {
		if got.Get(name) != value || len(got.Values(name)) > 1 {
			t.Errorf("%s is %q, want %q", name, got.Values(name), value)
		}
	}
}

func TestCookiesStayOnTheirSide(t *testing.T) {
	carrel := &heard{answer: func(rw http.ResponseWriter, _ *http.Request) {
		h := rw.Header()
		for _, line := range []string{
			"theirs=1; Domain=carrels-example.org; Path=/", "__Host-carrel-here=stolen; Path=/; Secure", "__host-Carrel-nonce=x; Secure",
			"=__Host-carrel-here=stolen", "large=" + strings.Repeat("x", 5000), "ok=2; HttpOnly",
		} {
			h.Add("Set-Cookie", line)
		}
		for i := range 100 {
			h.Add("Set-Cookie", fmt.Sprintf("many%d=x", i))
		}
		h.Set("Clear-Site-Data", `"cookies"`)
	}}
	w := newWorld(t, carrel)
	r := w.request(http.MethodGet, "hana", hanas, "/", nil)
	r.Header.Set("Cookie", "a=1; __Host-carrel-here=sealed; b=2; __Host-carrel-nonce=sealed")
	res, _ := w.do(r)
	if got := carrel.last(t).Header.Get("Cookie"); got != "a=1; b=2" {
		t.Errorf("the carrel was sent the cookies %q", got)
	}
	set := res.Header.Values("Set-Cookie")
	if diff := cmp.Diff([]string{"theirs=1; Path=/", "ok=2; HttpOnly"}, set[:min(2, len(set))]); diff != "" || len(set) > 40 {
		t.Errorf("%d cookies were set (-want +got):\n%s", len(set), diff)
	}
	if res.Header.Get("Clear-Site-Data") != "" {
		t.Error("a carrel can delete the cookies of others")
	}
}

// Hosts of one domain are one site, so a browser sends a visitor's cookies also with the
// requests of other carrels' pages.
func TestRequestsOfOtherPages(t *testing.T) {
	for _, test := range []struct {
		name, method string
		header       map[string]string
		status       int
	}{
		{"a form of a neighbour", "POST", map[string]string{"Origin": "https://" + kens, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 403},
		{"a script of a neighbour", "DELETE", map[string]string{"Origin": "https://" + kens, "Sec-Fetch-Site": "same-site"}, 403},
		{"a page that hides where it is", "POST", map[string]string{"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403},
		{"an old browser's, of a neighbour", "POST", map[string]string{"Origin": "https://" + kens}, 403},
		{"one that says nothing", "POST", nil, 403},
		{"a script that loads", "GET", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, 403},
		{"a script that reads", "GET", map[string]string{"Origin": "https://" + kens, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"a frame around it", "GET", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403},
		{"a link", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		{"its own form", "POST", map[string]string{"Origin": "https://" + hanas, "Sec-Fetch-Site": "same-origin"}, 200},
		{"its own form, without referrer", "POST", map[string]string{"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 200},
		{"its own frame", "GET", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 200},
		{"an address typed", "GET", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200},
		{"a program that reads", "GET", nil, 200},
		{"an old browser's page of a neighbour that loads", "GET", map[string]string{"User-Agent": "Mozilla/5.0", "Referer": "https://" + kens + "/"}, 403},
		{"an old browser's page that hides where it is", "GET", map[string]string{"User-Agent": "Mozilla/5.0", "Accept": "image/*"}, 403},
		{"an old browser's own page that loads", "GET", map[string]string{"User-Agent": "Mozilla/5.0", "Referer": "https://" + hanas + "/"}, 200},
		{"an old browser that goes there", "GET", map[string]string{"User-Agent": "Mozilla/5.0", "Accept": "text/html"}, 200},
		{"a program that writes, and says where", "PUT", map[string]string{"Origin": "https://" + hanas}, 200},
	} {
		t.Run(test.name, func(t *testing.T) {
			carrel := &heard{}
			w := newWorld(t, carrel)
			r := w.request(test.method, "hana", hanas, "/", nil)
			for name, value := range test.header {
				r.Header.Set(name, value)
			}
			if res, _ := w.do(r); res.StatusCode != test.status || (test.status == 200) != (len(carrel.asked()) == 1) {
				t.Errorf("answered %d, and the carrel was asked %q; want %d", res.StatusCode, carrel.asked(), test.status)
			}
		})
	}
}

// A link of another page that carries a query may act in the visitor's name. It is shown
// first, and followed when the visitor says so.
func TestLinksWithAQueryAreShownFirst(t *testing.T) {
	for name, tt := range map[string]struct {
		site, path string
		followed   bool
	}{
		"of a neighbour":                 {"same-site", "/sql?query=drop", false},
		"of another site":                {"cross-site", "/sql?query=drop", false},
		"without a query":                {"cross-site", "/files/a", true},
		"of the page that shows it":      {"same-origin", "/sql?query=drop", true},
		"typed, or chosen as a bookmark": {"none", "/?folder=/home", true},
	} {
		carrel := &heard{}
		w := newWorld(t, carrel)
		r := w.request(http.MethodGet, "hana", hanas, tt.path, nil)
		for name, value := range map[string]string{"Accept": "text/html", "Sec-Fetch-Site": tt.site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
			r.Header.Set(name, value)
		}
		res, body := w.do(r)
		if followed := len(carrel.asked()) == 1; followed != tt.followed {
			t.Errorf("%s: the carrel was asked: %v, want %v", name, followed, tt.followed)
		}
		if !tt.followed && (res.StatusCode != http.StatusForbidden || !strings.Contains(body, `href="`+tt.path+`"`)) {
			t.Errorf("%s: answered %d %s", name, res.StatusCode, body)
		}
	}
}

// A carrel that redirects to an address with a query, as an editor does from /, opens by a
// link of another site. That vouches for no other address.
func TestRedirectsOfACarrelAreFollowed(t *testing.T) {
	for _, location := range []string{"/?folder=/home", "./?folder=/home", "https://" + hanas + "/?folder=/home#top"} {
		w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery == "" {
				rw.Header().Set("Location", location)
				rw.WriteHeader(http.StatusFound)
			}
		}))
		get := func(path string, cookies []*http.Cookie) *http.Response {
			t.Helper()
			r := w.request(http.MethodGet, "hana", hanas, path, nil)
			for name, value := range map[string]string{"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
				r.Header.Set(name, value)
			}
			for _, c := range cookies {
				r.AddCookie(c)
			}
			res, _ := w.do(r)
			return res
		}
		first := get("/", nil)
		if res := get("/?folder=/home", first.Cookies()); res.StatusCode != http.StatusOK {
			t.Errorf("after %d to %s the browser is answered %d", first.StatusCode, location, res.StatusCode)
		}
		if res := get("/?folder=/home&run=it", first.Cookies()); res.StatusCode != http.StatusForbidden {
			t.Errorf("another address is answered %d", res.StatusCode)
		}
	}
}

// A redirect of a carrel to another host vouches for no address of its own.
func TestRedirectsToOtherHostsVouchForNothing(t *testing.T) {
	for _, location := range []string{"https://" + kens + "/?folder=/home", "//elsewhere.example/?folder=/home"} {
		w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", location)
			rw.WriteHeader(http.StatusFound)
		}))
		r := w.request(http.MethodGet, "hana", hanas, "/", nil)
		for name, value := range map[string]string{"Accept": "text/html", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"} {
			r.Header.Set(name, value)
		}
		if res, _ := w.do(r); len(res.Cookies()) > 0 || res.StatusCode != http.StatusFound {
			t.Errorf("to %s it is answered %d with the cookies %v", location, res.StatusCode, res.Cookies())
		}
	}
}

// A connection that says nothing for a while is taken to have said all: for long before
// its first word, which takes its time on a busy machine.
const (
	firstSilence = 10 * time.Second
	silence      = time.Second
)

// raw sends bytes as they are, and returns the answer up to the end of the connection or a
// silence.
func (w *world) raw(text string) string {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.server.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, text); err != nil {
		w.t.Fatal(err)
	}
	var answer []byte
	patience := firstSilence
	for buffer := make([]byte, 4096); ; {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buffer)
		answer, patience = append(answer, buffer[:n]...), silence
		if err != nil {
			return string(answer)
		}
	}
}

// In these requests two programs may disagree where the request ends. The carrel must see
// only the request that the gateway checked, which is for /judged by hana.
func TestSmuggledRequests(t *testing.T) {
	as := "Host: " + hanas + "\r\n" + asHeader + ": hana\r\n" + secretHeader + ": " + secret + "\r\nOrigin: https://" + hanas + "\r\n"
	const hidden = "GET /smuggled HTTP/1.1\r\nHost: x\r\nX-User: admin\r\n\r\n"
	for name, text := range map[string]string{
		"length and chunks":         "POST /judged HTTP/1.1\r\n" + as + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"chunks and length":         "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding: chunked\r\nContent-Length: 200\r\n\r\n0\r\n\r\n" + hidden,
		"two lengths":               "POST /judged HTTP/1.1\r\n" + as + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n" + hidden,
		"a length with a sign":      "POST /judged HTTP/1.1\r\n" + as + "Content-Length: +0\r\n\r\n" + hidden,
		"an unknown encoding":       "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding: xchunked\r\n\r\n" + hidden,
		"an encoding with a space":  "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding : chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\n" + hidden,
		"two encodings":             "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + hidden,
		"a folded header":           "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding:\r\n chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\n" + hidden,
		"a bare carriage return":    "GET /judged HTTP/1.1\r\n" + as + "X: a\rGET /smuggled HTTP/1.1\r\n\r\n",
		"a header with a line feed": "GET /judged HTTP/1.1\r\n" + as + "X: a\n\nGET /smuggled HTTP/1.1\r\n\r\n",
		"a chunk larger than said":  "POST /judged HTTP/1.1\r\n" + as + "Transfer-Encoding: chunked\r\n\r\n5;\nxxxxx66\r\n0\r\n\r\n" + hidden,
		"HTTP/1.0 with chunks":      "POST /judged HTTP/1.0\r\n" + as + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"h2c":                       "GET /judged HTTP/1.1\r\n" + as + "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			carrel := &heard{}
			w := newWorld(t, carrel)
			answer := w.raw(text)
			for _, asked := range carrel.asked() {
				if !strings.HasSuffix(asked, " /judged") {
					t.Errorf("the carrel was asked %q; answered:\n%s", asked, answer)
				}
			}
			if strings.Contains(answer, " 101 ") {
				t.Errorf("it switched protocols:\n%s", answer)
			}
		})
	}
}

// No value of Host leads the gateway to anything but a known carrel.
func TestNoHostLeadsElsewhere(t *testing.T) {
	carrel := &heard{}
	w := newWorld(t, carrel)
	login := asHeader + ": hana\r\n" + secretHeader + ": " + secret + "\r\n\r\n"
	for _, head := range []string{
		"GET http://169.254.169.254/latest HTTP/1.1\r\nHost: " + hanas + "\r\n",
		"GET / HTTP/1.1\r\nHost: 127.0.0.1:8081\r\n",
		"GET / HTTP/1.1\r\nHost: " + hanas + "@evil.example\r\n",
		"GET / HTTP/1.1\r\nHost: " + hanas + "\r\nHost: evil.example\r\n",
		"GET / HTTP/1.1\r\nHost: evil.example#" + hanas + "\r\n",
		"GET / HTTP/1.1\r\nHost: ..--prog1." + domain + "\r\n",
		"CONNECT 10.0.0.1:443 HTTP/1.1\r\nHost: " + hanas + "\r\n",
		"TRACE / HTTP/1.1\r\nHost: " + hanas + "\r\n",
	} {
		if answer := w.raw(head + login); strings.HasPrefix(answer, "HTTP/1.1 200") || len(carrel.asked()) > 0 {
			t.Errorf("%q was answered %q, the carrel asked %q", head, answer, carrel.asked())
		}
	}
}

// Paths reach the carrel byte for byte. None leads to the gateway's own paths or to another
// host.
func TestPathsStayAsTheyAre(t *testing.T) {
	for path, want := range map[string]string{
		"/a%2fb/../c": "/a%2fb/../c", "//evil.example/": "//evil.example/", "/a;b=c": "/a;b=c", "/%2e%2e/%2e%2e/etc/passwd": "/%2e%2e/%2e%2e/etc/passwd",
		"/.carrel": "/.carrel", "/a?x=%00&y=1": "/a?x=%00&y=1", "/\\evil.example": "/%5Cevil.example",
	} {
		carrel := &heard{}
		w := newWorld(t, carrel)
		answer := w.raw("GET " + path + " HTTP/1.1\r\nHost: " + hanas + "\r\n" + asHeader + ": hana\r\n" + secretHeader + ": " + secret + "\r\nConnection: close\r\n\r\n")
		if diff := cmp.Diff([]string{"GET " + want}, carrel.asked()); diff != "" {
			t.Errorf("%q was answered %q (-want +got):\n%s", path, answer, diff)
		}
		if strings.Contains(answer, "\r\nLocation:") {
			t.Errorf("%q is sent elsewhere:\n%s", path, answer)
		}
	}
}

// The host of a carrel does not serve the login.
func TestCarrelsServeNoLogin(t *testing.T) {
	carrel := &heard{}
	w := newWorld(t, carrel)
	for _, path := range []string{"/login", "/logout", "/callback/campus"} {
		w.get("hana", hanas, path)
	}
	if diff := cmp.Diff([]string{"GET /login", "GET /logout", "GET /callback/campus"}, carrel.asked()); diff != "" {
		t.Errorf("the paths are the carrel's own (-want +got):\n%s", diff)
	}
}

// What a carrel says to proxies, or for its whole domain, reaches nobody, in headers as in
// trailers.
func TestAnswersSayNothingToProxies(t *testing.T) {
	names := []string{"X-Accel-Redirect", "X-Accel-Buffering", "X-Sendfile", "Alt-Svc", "Strict-Transport-Security", "Clear-Site-Data", "Set-Cookie"}
	const value = "__Host-carrel-here=stolen; Path=/; Secure"
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		for _, name := range names {
			rw.Header().Set(name, value)
		}
		rw.Header().Set("Trailer", "X-Fine")
		_, _ = io.WriteString(rw, "body")
		_ = http.NewResponseController(rw).Flush()
		rw.Header().Set("X-Fine", "fine")
		for _, name := range names {
			rw.Header().Set(http.TrailerPrefix+name, value)
		}
	}))
	res, _ := w.get("hana", hanas, "/")
	for _, name := range names {
		if res.Header.Get(name) != "" || res.Trailer.Get(name) != "" {
			t.Errorf("%s passes: %q, in the trailer %q", name, res.Header.Get(name), res.Trailer.Get(name))
		}
	}
	if res.Trailer.Get("X-Fine") != "fine" {
		t.Errorf("the trailer is %v", res.Trailer)
	}
}

// A program that does not know of the proxy redirects to its own host by http.
func TestRedirectsToTheOwnHostAreHTTPS(t *testing.T) {
	for location, want := range map[string]string{
		"http://" + hanas + "/a": "https://" + hanas + "/a", "http://" + hanas: "https://" + hanas, "http://" + hanas + ".evil.example/": "http://" + hanas + ".evil.example/",
		"/a": "/a", "https://other.example/": "https://other.example/",
	} {
		w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", location)
			rw.WriteHeader(http.StatusFound)
		}))
		if res, _ := w.get("hana", hanas, "/"); res.Header.Get("Location") != want {
			t.Errorf("a redirect to %s becomes %s, want %s", location, res.Header.Get("Location"), want)
		}
	}
}
