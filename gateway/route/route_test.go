package route_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/route"
)

// hello is a carrel that answers with its visitor.
var hello = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(rw, "hello %s at %s", r.Header.Get("X-User"), r.Host)
})

func TestWhoComesWhere(t *testing.T) {
	w := newWorld(t, hello)
	w.staff["teacher"] = true
	for _, test := range []struct {
		name, user, host, path string
		status                 int
		body                   string
	}{
		{"a student to their own", "hana", hanas, "/", 200, "hello hana at " + hanas},
		{"a student to another's", "mori", hanas, "/", 403, "not as somebody who may"},
		{"staff to a student's", "teacher", hanas, "/", 200, "hello teacher at " + hanas},
		{"nobody", "", hanas, "/", 401, ""},
		{"a student to one there is not", "hana", "nobody--prog1." + domain, "/", 403, "not as somebody who may"},
		{"staff to one there is not", "teacher", "nobody--prog1." + domain, "/", 404, "mistyped"},
		{"anybody to the board", "hana", desk, "/courses/prog1", 200, "the board"},
		{"nobody to the board", "", desk, "/courses/prog1", 401, ""},
		{"a host of nobody's", "hana", "evil.example", "/", 421, ""},
		{"an address", "hana", "169.254.169.254", "/", 421, ""},
		{"the gateway's own paths of a carrel", "hana", hanas, "/.carrel/nothing", 404, ""},
		{"the same, written differently", "hana", hanas, "/%2ecarrel/nothing", 404, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			res, body := w.get(test.user, test.host, test.path)
			if res.StatusCode != test.status || !strings.Contains(body, test.body) {
				t.Errorf("answered %d %q, want %d with %q", res.StatusCode, body, test.status, test.body)
			}
		})
	}
}

func TestVisitsOfStaffAreRecorded(t *testing.T) {
	w := newWorld(t, hello)
	w.staff["teacher"] = true
	for range 3 {
		w.get("hana", hanas, "/")
		w.get("teacher", hanas, "/")
	}
	var visits []string
	for _, e := range w.cluster.Events(audit.OpenedReason) {
		visits = append(visits, e.Regarding.Name+": "+e.Note)
	}
	if diff := cmp.Diff([]string{"hana: teacher opened this carrel"}, visits); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
}

func TestNobodyOpensAnothersUnrecorded(t *testing.T) {
	w := newWorld(t, hello)
	w.staff["teacher"] = true
	w.cluster.FailCreate = func(o client.Object) error {
		if _, ok := o.(*eventsv1.Event); ok {
			return errors.New("the API server is away")
		}
		return nil
	}
	if res, body := w.get("teacher", hanas, "/"); res.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "hello") {
		t.Errorf("answered %d %q", res.StatusCode, body)
	}
}

func TestAsleepIsWokenAndOpens(t *testing.T) {
	w := newWorld(t, hello)
	hana, _ := w.cluster.Carrel("prog1", "hana")
	changed, stop := w.cluster.Watch("prog1")
	defer stop()
	go func() { // plays the controller
		for range changed {
			if ken, _ := w.cluster.Carrel("prog1", "ken"); ken.LastActivity != nil {
				w.cluster.Set(userland("ken", v1alpha1.StateRunning), hana.Target)
				return
			}
		}
	}()
	// The request of a program is held, with its body.
	r := w.request(http.MethodPost, "ken", kens, "/save", strings.NewReader("work"))
	r.Header.Set("Origin", "https://"+kens)
	if res, body := w.do(r); res.StatusCode != http.StatusOK || body != "hello ken at "+kens {
		t.Errorf("answered %d %q", res.StatusCode, body)
	}
	if n := w.activityWrites("ken"); n != 1 {
		t.Errorf("the activity was written %d times, want once: to wake", n)
	}
	if n := w.metric("carrel_gateway_wake_seconds"); n != 1 {
		t.Errorf("%v waits were counted, want 1", n)
	}
}

func TestAsleepShowsAPage(t *testing.T) {
	w := newWorld(t, hello)
	r := w.request(http.MethodGet, "ken", kens, "/", nil)
	r.Header.Set("Accept", "text/html")
	res, body := w.do(r)
	if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !strings.Contains(body, `data-wait="/.carrel/wait"`) {
		t.Errorf("answered %d with Retry-After %q: %s", res.StatusCode, res.Header.Get("Retry-After"), body)
	}
	if n := w.activityWrites("ken"); n != 1 {
		t.Errorf("woken %d times", n)
	}
}

func TestDisabledIsNotWoken(t *testing.T) {
	w := newWorld(t, hello)
	u := userland("ken", v1alpha1.StateDisabled)
	u.Spec.Enabled = new(false)
	w.cluster.Set(u, "")
	res, _ := w.get("ken", kens, "/")
	if n := w.activityWrites("ken"); res.StatusCode != http.StatusServiceUnavailable || n != 0 {
		t.Errorf("answered %d, and the activity was written %d times", res.StatusCode, n)
	}
}

func TestOneThatDiedIsNeverA502(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(rw).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	r := w.request(http.MethodPost, "hana", hanas, "/", strings.NewReader("x"))
	r.Header.Set("Origin", "https://"+hanas)
	if res, _ := w.do(r); res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d with Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
}

// The pod was replaced. Nobody listens at the old address, and the watch brings the new one
// while the request waits.
func TestRequestsFollowAPodThatMoves(t *testing.T) {
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { _, _ = io.Copy(rw, r.Body) }))
	hana, _ := w.cluster.Carrel("prog1", "hana")
	nobody, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := nobody.Addr().String()
	_ = nobody.Close()
	w.cluster.Set(userland("hana", v1alpha1.StateRunning), gone)
	r := w.request(http.MethodPost, "hana", hanas, "/", strings.NewReader("all of it"))
	r.Header.Set("Origin", "https://"+hanas)
	// The carrel moves while the body is being read, after the first attempt to connect.
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader("all "), after(func() {
		w.cluster.Set(userland("hana", v1alpha1.StateRunning), hana.Target)
	}), strings.NewReader("of it")))
	if res, body := w.do(r); res.StatusCode != http.StatusOK || body != "all of it" {
		t.Errorf("answered %d %q", res.StatusCode, body)
	}
}

// after returns an empty reader that calls do when it is read.
func after(do func()) io.Reader { return reader(func([]byte) (int, error) { do(); return 0, io.EOF }) }

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

func TestUploadsAndDownloadsOfAnySize(t *testing.T) {
	const size = 64 << 20
	sum := func(r io.Reader) string {
		h := sha256.New()
		_, _ = io.Copy(h, r)
		return fmt.Sprintf("%x", h.Sum(nil))
	}
	data := make([]byte, size)
	_, _ = rand.Read(data)
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = rw.Write(data)
			return
		}
		_, _ = io.WriteString(rw, sum(r.Body))
	}))
	r := w.request(http.MethodPut, "hana", hanas, "/up", bytes.NewReader(data))
	r.Header.Set("Origin", "https://"+hanas)
	if _, got := w.do(r); got != sum(bytes.NewReader(data)) {
		t.Error("what came up is not what was sent")
	}
	if _, got := w.get("hana", hanas, "/down"); sum(strings.NewReader(got)) != sum(bytes.NewReader(data)) {
		t.Error("what came down is not what was sent")
	}
}

func TestServerSentEventsAreNotHeldBack(t *testing.T) {
	next := make(chan string)
	w := newWorld(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case event := <-next:
				_, _ = fmt.Fprintf(rw, "data: %s\n\n", event)
				_ = http.NewResponseController(rw).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	go func() { next <- "one" }()
	res, err := (&http.Client{Transport: w.transport()}).Do(w.request(http.MethodGet, "hana", hanas, "/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	for _, want := range []string{"one", "two"} {
		got := make([]byte, len("data: one\n\n"))
		if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != "data: "+want+"\n\n" {
			t.Fatalf("got %q, %v", got, err)
		}
		if want == "one" {
			next <- "two" // only now, when the first has arrived
		}
	}
}

func TestOpenEnrolment(t *testing.T) {
	w := newWorld(t, hello)
	w.staff["teacher"] = true
	w.cluster.Put(&v1alpha1.Course{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"},
		Spec: v1alpha1.CourseSpec{
			Enrolment: v1alpha1.EnrolmentOpen, EnrolmentRules: []v1alpha1.EnrolmentRule{{Claim: "groups", Values: []string{"students"}}},
		},
	})
	w.cluster.FailCreate = func(o client.Object) error {
		if u, ok := o.(*v1alpha1.Userland); ok && u.Spec.User == "early" {
			return errors.New("forbidden, until the rights of this course have come too")
		}
		return nil
	}
	for _, test := range []struct {
		user, group, path, accept string
		status                    int
		location                  string
	}{
		{"mori", "students", "/courses/prog1", "text/html", 303, "https://mori--prog1." + domain + "/"},
		{"stranger", "staff", "/courses/prog1", "text/html", 200, ""},
		{"early", "students", "/courses/prog1", "text/html", 503, ""},
		{"hana", "students", "/courses/prog1", "text/html", 200, ""},
		{"teacher", "students", "/courses/prog1", "text/html", 200, ""},
		{"kato", "students", "/courses/prog1/events", "text/html", 200, ""},
		{"kato", "students", "/courses/prog1", "application/json", 200, ""},
	} {
		r := w.request(http.MethodGet, test.user, desk, test.path, nil)
		r.Header.Set("Accept", test.accept)
		r.Header.Set(groupsHeader, test.group)
		res, body := w.do(r)
		if res.StatusCode != test.status || res.Header.Get("Location") != test.location || test.status == 200 && body != "the board" {
			t.Errorf("%s at %s is answered %d, sent to %q: %q; want %d and %q", test.user, test.path, res.StatusCode, res.Header.Get("Location"), body, test.status, test.location)
		}
	}
	if _, made := w.cluster.Carrel("prog1", "kato"); made {
		t.Error("a carrel was made for somebody who opened no page")
	}
}

func TestSingleHost(t *testing.T) {
	hosts, err := route.NewSingleHost("https://"+desk, "prog1")
	if err != nil {
		t.Fatal(err)
	}
	w := startWorld(t, hosts, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(rw, "hello %s with %q", r.Header.Get("X-User"), r.Header.Get("Cookie"))
	}))
	w.staff["teacher"] = true
	hana, _ := w.cluster.Carrel("prog1", "hana")

	r := w.request(http.MethodGet, "hana", desk, "/", nil)
	r.Header.Set("Cookie", "theirs=1; __Host-carrel-desk=secret")
	if _, body := w.do(r); body != `hello hana with "theirs=1"` {
		t.Errorf("answered %q", body)
	}
	if res, body := w.get("teacher", desk, "/"); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "no carrel for you") {
		t.Errorf("staff are answered %d %q", res.StatusCode, body)
	}
	if res, _ := w.get("teacher", desk, "/courses/prog1"); res.StatusCode != http.StatusForbidden {
		t.Errorf("there is a board: %d", res.StatusCode)
	}
	if res, _ := w.get("hana", hanas, "/"); res.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a carrel's host is answered %d", res.StatusCode)
	}

	// With a second carrel there is a choice.
	second := userland("hana-db", v1alpha1.StateRunning)
	second.Spec.User = "hana"
	w.cluster.Set(second, hana.Target)
	r = w.request(http.MethodGet, "hana", desk, "/", nil)
	r.Header.Set("Accept", "text/html")
	if _, body := w.do(r); !strings.Contains(body, `href="/.carrel/choose?carrel=hana-db"`) {
		t.Errorf("nothing to choose: %s", body)
	}
	res, _ := w.get("hana", desk, "/.carrel/choose?carrel=hana-db")
	cookie, err := http.ParseSetCookie(res.Header.Get("Set-Cookie"))
	if err != nil || res.Header.Get("Location") != "/" {
		t.Fatalf("the choice was answered %d: %v", res.StatusCode, err)
	}
	if res, _ := w.get("hana", desk, "/.carrel/choose?carrel=ken"); res.Header.Get("Set-Cookie") != "" {
		t.Error("another's carrel can be chosen")
	}
	r = w.request(http.MethodGet, "hana", desk, "/", nil)
	r.Header.Set("Accept", "text/html")
	r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	if _, body := w.do(r); body != `hello hana with ""` {
		t.Errorf("after the choice answered %q", body)
	}
}

func TestHTTP2(t *testing.T) {
	w := newWorld(t, hello)
	secure := httptest.NewUnstartedServer(w.router.Handler())
	secure.EnableHTTP2 = true
	secure.StartTLS()
	t.Cleanup(secure.Close)
	r := w.request(http.MethodGet, "hana", hanas, "/", nil)
	r.URL.Scheme, r.URL.Host, r.Host = "https", secure.Listener.Addr().String(), hanas
	res, err := secure.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if body, _ := io.ReadAll(res.Body); res.ProtoMajor != 2 || string(body) != "hello hana at "+hanas {
		t.Errorf("answered by %s: %q", res.Proto, body)
	}
}

// A visitor who is refused is sent to the desk again. After a login as another user they get
// in; otherwise their own carrel would refuse them until the old login ends.
func TestWhoIsRefusedIsAskedAnew(t *testing.T) {
	for _, test := range []struct {
		name, user, host, accept string
		forgotten                bool
	}{
		{"a page of another's carrel", "ken", hanas, "text/html", true},
		{"a page of one there is not", "ken", "nobody--prog1." + domain, "text/html", true},
		{"a program", "ken", hanas, "*/*", false},
		{"one's own", "hana", hanas, "text/html", false},
	} {
		w := newWorld(t, &heard{})
		r := w.request(http.MethodGet, test.user, test.host, "/", nil)
		r.Header.Set("Accept", test.accept)
		res, _ := w.do(r)
		cookies := res.Cookies()
		if forgotten := len(cookies) == 1 && cookies[0].Name == "__Host-carrel-here" && cookies[0].MaxAge < 0; forgotten != test.forgotten {
			t.Errorf("%s: answered %d with the cookies %v", test.name, res.StatusCode, cookies)
		}
	}
}

// Queries reach the carrel byte for byte.
func TestQueriesStayAsTheyAre(t *testing.T) {
	for _, query := range []string{"a=1;b=2", "x=100%", "b=1&a=2;", "folder=/home/a b%20c"} {
		carrel := &heard{}
		w := newWorld(t, carrel)
		query = strings.ReplaceAll(query, " ", "+")
		w.raw("GET /x?" + query + " HTTP/1.1\r\nHost: " + hanas + "\r\n" + asHeader + ": hana\r\n" + secretHeader + ": " + secret + "\r\nConnection: close\r\n\r\n")
		if got := carrel.asked(); len(got) != 1 || got[0] != "GET /x?"+query {
			t.Errorf("of ?%s the carrel was asked %q", query, got)
		}
	}
}

// The log has the user, course and carrel of each request, if they exist.
func TestWhoIsInTheLog(t *testing.T) {
	w := newWorld(t, hello)
	var said strings.Builder
	access := observe.NewAccessLog(&said)
	handler := observe.Handler(observe.NewMetrics(prometheus.NewRegistry()), clock.RealClock{}, access, w.server.Config.Handler)
	for _, test := range []struct{ user, host, path, want string }{
		{"hana", desk, "/", `"user":"hana","course":"","carrel":""`},
		{"teacher", desk, "/courses/prog1/events", `"user":"teacher","course":"prog1","carrel":""`},
		{"hana", desk, "/courses/nosuch", `"user":"hana","course":"","carrel":""`},
		{"hana", hanas, "/", `"user":"hana","course":"prog1","carrel":"hana"`},
	} {
		said.Reset()
		handler.ServeHTTP(httptest.NewRecorder(), w.request(http.MethodGet, test.user, test.host, test.path, nil))
		if err := access.Flush(); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said.String(), test.want) {
			t.Errorf("of %s%s the log says %s, want %s", test.host, test.path, &said, test.want)
		}
	}
}
