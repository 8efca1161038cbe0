package wait_test

import (
	"bufio"
	"context"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/wait"
)

var update = flag.Bool("update", false, "write the golden files anew")

// now is 10:05 on a Monday in Tokyo.
var now = time.Date(2027, 4, 12, 1, 5, 0, 0, time.UTC)

const (
	course = gatewaytest.CourseName
	name   = "24t0101"
)

func at(ago time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-ago)} }

// carrel returns a carrel in a state, whose user came a moment ago.
func carrel(state, reason, message string, edits ...func(*v1alpha1.Userland)) *v1alpha1.Userland {
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: course}}
	u.Status.State, u.Status.LastActivityTime = state, at(2*time.Second)
	u.Status.Template = &v1alpha1.ObservedTemplate{Name: "code-server"}
	u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: reason, Message: message}}
	for _, edit := range edits {
		edit(u)
	}
	return u
}

// class returns a class with the given carrel.
func class(u *v1alpha1.Userland) *gatewaytest.Cluster {
	d := gatewaytest.Class(60, now)
	c := gatewaytest.Course(now)
	c.Spec.Notice = "Room 204 is closed on Friday.\nThe lab meets in <310>."
	d.Put(c)
	if u == nil {
		d.Remove(course, name)
	} else {
		d.Set(u, "")
	}
	return d
}

func waiter(d *gatewaytest.Cluster) *wait.Waiter {
	return &wait.Waiter{Directory: d.Index, Desk: "https://desk.example.ac.jp", Clock: testingclock.NewFakeClock(now), Tick: time.Nanosecond, HoldFor: 50 * time.Millisecond}
}

func browser(lang string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://24t0101--prog1.example.org/?folder=/home", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	r.Header.Set("Accept-Language", lang)
	return r
}

var versions = regexp.MustCompile(`\.[0-9a-f]{12}\.`)

func TestPages(t *testing.T) {
	queued := func(ago time.Duration) func(*v1alpha1.Userland) {
		return func(u *v1alpha1.Userland) { u.Status.QueuedSince = at(ago) }
	}
	for _, test := range []struct {
		name   string
		carrel *v1alpha1.Userland
		status int
		again  string
	}{
		{"waking", carrel(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "stopped until its user comes; its volumes are kept"), 503, "3"},
		{"queued", carrel(v1alpha1.StateQueued, v1alpha1.QueuedReason, "10 are starting", queued(time.Second)), 503, "5"},
		{"next", carrel(v1alpha1.StateQueued, v1alpha1.QueuedReason, "10 are starting", queued(time.Hour)), 503, "5"},
		{"starting", carrel(v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting", func(u *v1alpha1.Userland) { u.Status.LastStartTime = at(4 * time.Second) }), 503, "3"},
		{"preparing", carrel(v1alpha1.StateStarting, v1alpha1.PreparingReason, "images are pulled or volumes attached: 0 of 1 containers have started", func(u *v1alpha1.Userland) { u.Status.LastStartTime = at(20 * time.Second) }), 503, "3"},
		{"opening", carrel(v1alpha1.StateRunning, v1alpha1.RunningReason, "the carrel answers"), 503, "3"},
		{"failing", carrel(v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason, `the image "ide:1" of container "ide" can't be pulled: correct its name`), 503, "30"},
		{"failing-ended", carrel(v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason, "it keeps ending", func(u *v1alpha1.Userland) {
			u.Status.LastEnd = &v1alpha1.LastEnd{Time: *at(time.Minute), Container: "ide", Reason: "Error", ExitCode: 1, Log: "<b>no space</b>\nbye"}
		}), 503, "30"},
		{"failing-unknown", carrel(v1alpha1.StateFailing, "Flooded", `<b>water</b> in the machine room`), 503, "30"},
		{"waiting", carrel(v1alpha1.StateWaiting, v1alpha1.TemplateNotFoundReason, "there is no Template ide"), 503, "30"},
		// A visitor wakes the carrel, even if the status does not show their activity yet.
		{"waking", carrel(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "stopped until its user comes; its volumes are kept", func(u *v1alpha1.Userland) { u.Status.LastActivityTime = at(2 * time.Hour) }), 503, "3"},
		{"disabled", carrel(v1alpha1.StateDisabled, v1alpha1.DisabledReason, "stopped by spec.enabled"), 503, "300"},
		{"term-over", carrel(v1alpha1.StateDisabled, v1alpha1.TermOverReason, "the term is over"), 503, "300"},
		{"other", carrel("Sublimating", "Vapour", "it turns into gas"), 503, "30"},
		{"new", carrel("", "", ""), 503, "3"},
		{"gone", nil, 404, ""},
	} {
		for _, lang := range []string{"en", "ja"} {
			t.Run(test.name+"/"+lang, func(t *testing.T) {
				rw := httptest.NewRecorder()
				if waiter(class(test.carrel)).Hold(rw, browser(lang), course, name) {
					t.Fatal("the caller is to go on, and the carrel does not answer")
				}
				if rw.Code != test.status || rw.Header().Get("Retry-After") != test.again {
					t.Errorf("status %d, Retry-After %q; want %d and %q", rw.Code, rw.Header().Get("Retry-After"), test.status, test.again)
				}
				golden(t, filepath.Join("testdata", test.name+"."+lang+".html"), versions.ReplaceAllString(rw.Body.String(), ".*."))
			})
		}
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update, and look at what it wrote", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the page differs from %s; run with -update if that is meant (-want +got):\n%s", file, diff)
	}
}

// The requests of programs are held, and then answered with the time to try again.
func TestPrograms(t *testing.T) {
	starting := carrel(v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting")
	failing := carrel(v1alpha1.StateFailing, v1alpha1.NotAnsweringReason, "the port is wrong")
	for _, test := range []struct {
		name    string
		carrel  *v1alpha1.Userland
		change  func(*http.Request)
		ready   bool
		status  int
		reason  string
		atLeast time.Duration
	}{
		{"an API client", starting, func(r *http.Request) { r.Header.Set("Accept", "application/json") }, false, 503, "starting", 50 * time.Millisecond},
		{"one that comes to a carrel asleep for hours", carrel(v1alpha1.StateAsleep, "", "", func(u *v1alpha1.Userland) { u.Status.LastActivityTime = nil }), func(r *http.Request) { r.Header.Set("Accept", "*/*") }, false, 503, "waking", 50 * time.Millisecond},
		{"a WebSocket", starting, func(r *http.Request) { r.Header.Set("Upgrade", "websocket") }, false, 503, "starting", 50 * time.Millisecond},
		{"an upload", starting, func(r *http.Request) { r.Method = http.MethodPut }, false, 503, "starting", 50 * time.Millisecond},
		{"a form, while the carrel becomes ready", starting, func(r *http.Request) { r.Method = http.MethodPost }, true, 0, "", 0},
		{"one of a carrel that fails", failing, func(r *http.Request) { r.Method = http.MethodPost }, false, 503, "failing", 0},
		{"one of no carrel", nil, func(r *http.Request) { r.Header.Del("Accept") }, false, 404, "gone", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := class(test.carrel)
			w := waiter(d)
			// The request is held in real time.
			w.Clock = nil
			r, rw := browser("en"), httptest.NewRecorder()
			test.change(r)
			if test.ready {
				w.HoldFor = time.Minute
				go func() { d.Set(carrel(v1alpha1.StateRunning, "", ""), "127.0.0.1:8080") }()
			}
			began := time.Now()
			if got := w.Hold(rw, r, course, name); got != test.ready {
				t.Fatalf("the caller is to go on: %v, want %v", got, test.ready)
			}
			if took := time.Since(began); took < test.atLeast {
				t.Errorf("held for %v, want at least %v", took, test.atLeast)
			}
			if test.ready {
				if rw.Body.Len() > 0 {
					t.Errorf("something was answered already: %s", rw.Body)
				}
				return
			}
			if rw.Code != test.status || !strings.Contains(rw.Body.String(), `"reason":"`+test.reason+`"`) || rw.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %s, want %d for %s as JSON", rw.Code, rw.Body, test.status, test.reason)
			}
			if test.status == 503 && rw.Header().Get("Retry-After") == "" {
				t.Error("it is not said when to come again")
			}
		})
	}
}

// A page gets its situation, each change once, and the event ready.
func TestEvents(t *testing.T) {
	d := class(carrel(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "asleep"))
	w := &wait.Waiter{Directory: d.Index, Tick: time.Nanosecond}
	u := carrel(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "asleep")
	u.Status.LastActivityTime = &metav1.Time{Time: time.Now()}
	d.Set(u, "")
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.Events(rw, r, course, name, func(directory.Carrel) {})
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept-Language", "ja")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("Content-Type %q", got)
	}
	lines := bufio.NewScanner(answer.Body)
	hear := func(event, words string) {
		t.Helper()
		heard := ""
		for lines.Scan() {
			line := lines.Text()
			if line == "" && heard != "" {
				break
			}
			if line != "" && line != ":" {
				heard += line + "\n"
			}
		}
		if !strings.HasPrefix(heard, "event: "+event+"\n") || !strings.Contains(heard, words) {
			t.Fatalf("heard %q, want %s with %q", heard, event, words)
		}
	}
	hear("news", "環境を起動しています")
	d.Set(carrel(v1alpha1.StateQueued, "", "", func(u *v1alpha1.Userland) { u.Status.QueuedSince = at(time.Hour) }), "")
	hear("news", "次があなたの番です")
	d.Set(carrel(v1alpha1.StateQueued, "", "again, and no news", func(u *v1alpha1.Userland) { u.Status.QueuedSince = at(time.Hour) }), "")
	d.Set(carrel(v1alpha1.StateRunning, "", ""), "127.0.0.1:8080")
	hear("ready", "{}")
	if lines.Scan() {
		t.Errorf("the stream goes on after the carrel opened: %q", lines.Text())
	}
}

// A visitor gets in at once when the carrel is ready, however long the tick is.
func TestReadyIsNoticedAtOnce(t *testing.T) {
	d := gatewaytest.NewCluster()
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hana"}, Status: v1alpha1.UserlandStatus{State: v1alpha1.StateStarting}}
	d.Set(u, "")
	w := &wait.Waiter{Directory: d.Index, Tick: time.Hour, HoldFor: time.Minute}
	ready := make(chan bool)
	go func() {
		r := httptest.NewRequest(http.MethodPost, "https://hana--prog1.carrels.example.org/", nil)
		ready <- w.Hold(httptest.NewRecorder(), r, "prog1", "hana")
	}()
	for i := range 100 { // some come while it waits
		u := u.DeepCopy()
		u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Message: strconv.Itoa(i)}}
		d.Set(u, "")
		time.Sleep(time.Millisecond)
	}
	d.Set(u, "10.0.0.1:8080")
	if !<-ready {
		t.Error("it was held to the end")
	}
}
