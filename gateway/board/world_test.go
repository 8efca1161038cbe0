package board_test

import (
	"context"
	"encoding/json"
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
	authorizationv1 "k8s.io/api/authorization/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/request"
)

var update = flag.Bool("update", false, "write the golden files anew")

// now is 10:05 on a Monday in Tokyo.
var now = time.Date(2027, 4, 12, 1, 5, 0, 0, time.UTC)

const course = gatewaytest.CourseName

// The people of the tests: a teacher, an assistant who may only look, and students.
const (
	teacher   = "teacher@example.ac.jp"
	watcher   = "watcher@example.ac.jp"
	student   = "24T0101@example.ac.jp"
	neighbour = "24T0102@example.ac.jp"
	stranger  = "stranger@example.ac.jp"
)

// world is a board and the cluster that it shows.
type world struct {
	*gatewaytest.Cluster
	board *board.Board
	clock *testingclock.FakeClock
	// denied is the error with which the API server answers SubjectAccessReviews.
	denied error
}

// newWorld makes a world with a class, of which the teacher opened one carrel the day
// before.
func newWorld(students int) *world {
	w := &world{Cluster: gatewaytest.Class(students, now), clock: testingclock.NewFakeClock(now)}
	w.Review = func(asked authorizationv1.SubjectAccessReviewSpec) (bool, error) {
		looks := asked.User == watcher && asked.ResourceAttributes.Verb == access.ViewVerb
		return asked.User == teacher || looks, w.denied
	}
	w.board = w.newBoard()
	first := gatewaytest.Student(0, now)
	if err := w.board.Audit.Opened(context.Background(), first, teacher, now.Add(-26*time.Hour)); err != nil {
		panic(err)
	}
	return w
}

func (w *world) newBoard() *board.Board {
	return &board.Board{
		Directory: w.Index, Access: access.New(w.Client, access.Options{}), Requests: board.Requests{Client: w.Client}, Volumes: request.Volumes{Client: w.Client, Owner: board.VolumesOwner}, Audit: audit.Log{Client: w.Client},
		CarrelURL: func(course, name string) string { return "https://" + name + "--" + course + ".carrels.example/" }, Clock: w.clock,
	}
}

// asked returns the requests written so far, as "24t0101 restartAt 01:05".
func (w *world) asked(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, write := range w.StatusWrites() {
		var status struct{ Requests map[string]*time.Time }
		if err := json.Unmarshal([]byte(write.Status), &status); err != nil {
			t.Fatal(err)
		}
		for request, at := range status.Requests {
			text := "never"
			if at != nil {
				text = at.Format("15:04")
			}
			all = append(all, write.Userland+" "+request+" "+text)
		}
	}
	return all
}

// get requests a page as a user.
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

// form returns the request by which a browser sends a form of the gateway's page.
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
