package board_test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
)

// left makes a lab of which some people left, and one who left work behind is still here.
func left() *world {
	w := lab()
	w.Put(gatewaytest.Kept("24T0301@example.ac.jp", "2Gi", now.Add(5*24*time.Hour+time.Hour)))
	w.Put(gatewaytest.Kept("24T0302@example.ac.jp", "2Gi", now.Add(-time.Hour)))
	w.Put(gatewaytest.Kept("24T0303@example.ac.jp", "10Gi", now.Add(29*24*time.Hour)))
	w.Put(gatewaytest.Kept("24T0304@example.ac.jp", "2Gi", time.Time{}))
	w.Put(gatewaytest.Kept("24t0102@example.ac.jp", "2Gi", now.Add(24*time.Hour))) // after a reset
	undecided, _ := w.Carrel(course, "24t0106")
	u := undecided.Userland.DeepCopy()
	u.Status.Conditions[0].Reason = v1alpha1.VolumeUndecidedReason
	u.Status.Conditions[0].Message = "the claims 24t0106--home and 24t0106-x--home could both be its home"
	w.Set(u, "")
	return w
}

func TestWorkOfPeopleWhoLeft(t *testing.T) {
	for _, test := range []struct{ name, user, target string }{
		{"board-work", teacher, "/courses/prog1"},
		{"volume", teacher, "/courses/prog1/volumes/24t0301--home"},
		{"volume-watcher", watcher, "/courses/prog1/volumes/24t0102--home"},
		{"volume-forever", teacher, "/courses/prog1/volumes/24t0304--home"},
		{"farewell", teacher, "/courses/prog1/volumes/24t0301--home/let-go"},
		{"farewell-here", teacher, "/courses/prog1/volumes/24t0102--home/let-go"},
	} {
		for _, lang := range []string{"en", "ja"} {
			t.Run(test.name+"/"+lang, func(t *testing.T) {
				got := left().get(test.user, test.target, lang)
				if got.Code != http.StatusOK {
					t.Fatalf("%d %s", got.Code, got.Body)
				}
				golden(t, filepath.Join("testdata", test.name+"."+lang+".html"), got.Body.String())
			})
		}
	}
}

// Students and strangers never see the work of others, and nobody lets it go by a link.
func TestWhoSeesKeptWork(t *testing.T) {
	const there = "/courses/prog1/volumes/24t0301--home"
	for _, test := range []struct {
		name, user, target string
		status             int
	}{
		{"nobody", "", there, 401},
		{"a student", student, there, 303},
		{"a student at the confirmation", student, there + "/let-go", 303},
		{"the owner, who left", "24T0301@example.ac.jp", there, 403},
		{"a stranger", stranger, there, 403},
		{"one who may only look", watcher, there, 200},
		{"one who may only look, at the confirmation", watcher, there + "/let-go", 403},
		{"staff at a volume that is not kept", teacher, "/courses/prog1/volumes/24t0101--home", 404},
		{"staff at a volume of another course", teacher, "/courses/prog2/volumes/24t0301--home", 404},
		{"staff by a link", teacher, there + "/keep", 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := left()
			got := w.get(test.user, test.target, "en")
			if got.Code != test.status {
				t.Errorf("%d, want %d: %s", got.Code, test.status, got.Body)
			}
			if test.status != 200 && strings.Contains(got.Body.String(), "24T0301") {
				t.Error("it names who left")
			}
			if c, _ := w.Course(course); c.Status.Requests != nil {
				t.Errorf("looking asked for %+v", c.Status.Requests)
			}
		})
	}
}

func TestKeepOrLetGo(t *testing.T) {
	until := func(value string) url.Values { return url.Values{"until": {value}} }
	for _, test := range []struct {
		name, user, claim, action string
		fields                    url.Values
		change                    func(*http.Request)
		status                    int
		want, told                string
	}{
		{name: "to the end of term", user: teacher, claim: "24t0301--home", action: "keep", fields: until("term"), status: 303, want: "20270611T145959Z", told: "keep: teacher@example.ac.jp asked to keep volume claim 24t0301--home of 24T0301@example.ac.jp until 20270611T145959Z on the class board"},
		{name: "for half a year", user: teacher, claim: "24t0301--home", action: "keep", fields: until("half"), status: 303, want: "20271012T010500Z", told: "asked to keep"},
		{name: "for ever", user: teacher, claim: "24t0301--home", action: "keep", fields: until("forever"), status: 303, want: "Forever", told: "asked to keep"},
		{name: "let go", user: teacher, claim: "24t0304--home", action: "let-go", status: 303, want: "20270412T010500Z", told: "let-go: teacher@example.ac.jp asked to let go of volume claim 24t0304--home"},
		{name: "by the script", user: teacher, claim: "24t0301--home", action: "keep", fields: until("forever"), change: func(r *http.Request) { r.Header.Set("Accept", "application/json") }, status: 204, want: "Forever", told: "asked to keep"},

		{name: "nobody", claim: "24t0301--home", action: "let-go", status: 401},
		{name: "a student", user: student, claim: "24t0301--home", action: "let-go", status: 403},
		{name: "a stranger", user: stranger, claim: "24t0301--home", action: "keep", fields: until("forever"), status: 403},
		{name: "one who may only look", user: watcher, claim: "24t0301--home", action: "keep", fields: until("forever"), status: 403},
		{name: "a volume in use", user: teacher, claim: "24t0101--home", action: "let-go", status: 404},
		{name: "until nobody knows when", user: teacher, claim: "24t0301--home", action: "keep", fields: until("soon"), status: 400},
		{name: "what is kept for ever, for half a year", user: teacher, claim: "24t0304--home", action: "keep", fields: until("half"), status: 400},
		{name: "no such action", user: teacher, claim: "24t0301--home", action: "explode", status: 404},
		{name: "from another origin", user: teacher, claim: "24t0301--home", action: "let-go", status: 403, change: func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }},
		{name: "without a token", user: teacher, claim: "24t0301--home", action: "let-go", status: 403, change: func(r *http.Request) { r.Body = http.NoBody }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := left()
			r := form("/courses/prog1/volumes/"+test.claim+"/"+test.action, test.fields)
			if test.change != nil {
				test.change(r)
			}
			got := w.serve(test.user, r)
			if got.Code != test.status {
				t.Errorf("status %d, want %d: %s", got.Code, test.status, got.Body)
			}
			if asked := askedFor(t, w, test.claim); asked != test.want {
				t.Errorf("asked for %q, want %q", asked, test.want)
			}
			if location := got.Header().Get("Location"); test.want != "" && test.status == 303 && location != "/courses/prog1/volumes/"+test.claim {
				t.Errorf("sent to %q", location)
			}
			if told := recorded(t, w); (told == "") != (test.told == "") || !strings.Contains(told, test.told) {
				t.Errorf("recorded %q, want %q", told, test.told)
			}
		})
	}
}

// askedFor returns the label that the Course asks for. It checks that every request is
// made now and for the claim.
func askedFor(t *testing.T, w *world, claim string) (label string) {
	t.Helper()
	c, _ := w.Course(course)
	if c.Status.Requests == nil {
		return ""
	}
	for _, r := range c.Status.Requests.Volumes {
		label += r.KeepUntil
		if r.Claim != claim || !r.At.Equal(&metav1.Time{Time: now}) {
			t.Errorf("asked %+v", r)
		}
	}
	return label
}

// recorded returns the events that record requests. It checks that they are about the
// Course.
func recorded(t *testing.T, w *world) (notes string) {
	t.Helper()
	for _, e := range w.Events(audit.AskedReason) {
		notes += e.Action + ": " + e.Note
		if e.Regarding.Kind != "Course" || e.Regarding.Name != course {
			t.Errorf("the event is about %+v", e.Regarding)
		}
	}
	return notes
}

// What was asked for stands on the board until the controller has handled it. A board
// that is open hears of it, and of the volume that goes.
func TestKeptWorkIsLive(t *testing.T) {
	w := left()
	s := listen(t, w, "")
	s.next()
	if got := w.serve(teacher, form("/courses/prog1/volumes/24t0301--home/keep", url.Values{"until": {"forever"}})); got.Code != 303 {
		t.Fatalf("%d %s", got.Code, got.Body)
	}
	if part := s.next().change.Parts["work"]; !strings.Contains(part, "依頼中：無期限に保存") {
		t.Errorf("after the request: %q", part)
	}
	kept := gatewaytest.Kept("24T0301@example.ac.jp", "2Gi", time.Time{})
	c, _ := w.Course(course)
	kept.Annotations[v1alpha1.HandledRequestAnnotation] = c.Status.Requests.Volumes[0].At.Format(time.RFC3339)
	w.Put(kept)
	if part := s.next().change.Parts["work"]; strings.Contains(part, "依頼中") {
		t.Errorf("after the controller kept it: %q", part)
	}
	w.Delete(kept)
	if part := s.next().change.Parts["work"]; strings.Contains(part, "24T0301") {
		t.Errorf("after it went: %q", part)
	}
}

// The board lists a bounded number of volumes, and needs no form for it: its pages are
// compressed, so they must have no token.
func TestKeptWorkIsBounded(t *testing.T) {
	w := newWorld(600)
	for i := range 700 {
		w.Put(gatewaytest.Kept("23T"+time.Unix(int64(i), 0).Format("0405")+"@example.ac.jp", "2Gi", now.Add(time.Duration(i)*time.Hour)))
	}
	body := w.get(teacher, "/courses/prog1", "ja").Body.String()
	if rows := strings.Count(body, `href="/courses/prog1/volumes/`); rows != 200 || !strings.Contains(body, "ほかに 500 個") {
		t.Errorf("it lists %d volumes", rows)
	}
	if len(body) > 450<<10 || strings.Contains(body, `name="token"`) {
		t.Errorf("the board has %d KiB, or a token", len(body)>>10)
	}
}
