package board_test

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// 10:05 on a Monday in Tokyo.
var now = time.Date(2027, 4, 12, 1, 5, 0, 0, time.UTC)

const course = gatewaytest.CourseName

// People of the tests: a teacher, an assistant who may look and do nothing, and
// students.
const (
	teacher   = "teacher@example.ac.jp"
	watcher   = "watcher@example.ac.jp"
	student   = "24T0101@example.ac.jp"
	neighbour = "24T0102@example.ac.jp"
	stranger  = "stranger@example.ac.jp"
)

// world is what a board meets.
type world struct {
	*gatewaytest.Directory
	board  *board.Board
	clock  *testingclock.FakeClock
	asked  []string
	denied error
	told   []string
}

func newWorld(students int) *world {
	w := &world{Directory: gatewaytest.Class(students, now), clock: testingclock.NewFakeClock(now)}
	w.board = &board.Board{
		Directory: w, Access: w, Requests: w, Audit: w, Clock: w.clock,
		CarrelURL: func(course, name string) string { return "https://" + name + "--" + course + ".carrels.example/" },
	}
	return w
}

func (w *world) MayViewBoard(_ context.Context, id auth.Identity, _ string) (bool, error) {
	return id.User == teacher || id.User == watcher, w.denied
}

func (w *world) MayOperate(_ context.Context, id auth.Identity, _ string) (bool, error) {
	return id.User == teacher, w.denied
}

func (w *world) Ask(_ context.Context, u *v1alpha1.Userland, what board.Request, at time.Time) error {
	text := "never"
	if !at.IsZero() {
		text = at.Format("15:04")
	}
	w.asked = append(w.asked, u.Name+" "+string(what)+" "+text)
	return nil
}

func (w *world) Asked(_ context.Context, _ *v1alpha1.Userland, who, action, told string, _ time.Time) error {
	w.told = append(w.told, who+" "+action+": "+told)
	return nil
}

func (w *world) LastOpened(_ context.Context, u *v1alpha1.Userland) (audit.Visit, bool, error) {
	if u.Name != "24t0101" {
		return audit.Visit{}, false, nil
	}
	return audit.Visit{Who: teacher, At: now.Add(-26 * time.Hour)}, true, nil
}

// get asks for a page as somebody.
func (w *world) get(user, target, lang string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Accept-Language", lang)
	return w.serve(user, r)
}

func (w *world) serve(user string, r *http.Request) *httptest.ResponseRecorder {
	rw := httptest.NewRecorder()
	if user != "" {
		r = r.WithContext(auth.NewContext(r.Context(), auth.Identity{User: user}))
	}
	w.board.Handler().ServeHTTP(rw, r)
	return rw
}

const testToken = "0123456789abcdefghijklmnopqrstuv"

// form is a form of ours as a browser sends it.
func form(target string, fields url.Values) *http.Request {
	if fields == nil {
		fields = url.Values{}
	}
	fields.Set("token", testToken)
	r := httptest.NewRequest(http.MethodPost, "https://desk.example"+target, strings.NewReader(fields.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", "https://desk.example")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: "__Host-carrel-token", Value: testToken})
	return r
}

var versions = regexp.MustCompile(`\.[0-9a-f]{12}\.|since=[0-9a-f]{12}|name="token" value="[^"]+"`)

func golden(t *testing.T, file, got string) {
	t.Helper()
	got = versions.ReplaceAllString(got, "*")
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

var errAway = errors.New("the API server is away")
