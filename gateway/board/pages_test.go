package board_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
)

// lab makes a small class with a carrel in every state.
func lab() *world {
	w := newWorld(0)
	for i, state := range []string{v1alpha1.StateRunning, v1alpha1.StateStarting, v1alpha1.StateQueued, v1alpha1.StateAsleep, v1alpha1.StateDisabled, v1alpha1.StateWaiting, v1alpha1.StateFailing, "Sublimating", ""} {
		u := gatewaytest.Student(i, now)
		u.Status.State, u.Status.Requests, u.Spec.Section = state, nil, map[bool]string{true: "A"}[i < 5]
		u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: "Reason" + state, Message: "the message of <" + state + ">"}}
		gatewaytest.Adjust(u, 1+i, now)
		w.Set(u, "")
	}
	failing, _ := w.Carrel(course, "24t0107")
	failing.Userland.Status.Conditions[0].Reason = v1alpha1.CrashLoopBackOffReason
	failing.Userland.Status.Requests = &v1alpha1.Requests{HelpSince: &metav1.Time{Time: now.Add(-5 * time.Minute)}}
	w.Set(failing.Userland, "")
	// One student has two carrels, and a restart of the first is pending.
	second := gatewaytest.Student(200, now)
	second.Spec.User, second.Spec.Section, second.Status.Template.Name = student, "A", "mariadb-phpmyadmin"
	w.Set(second, "")
	first, _ := w.Carrel(course, "24t0101")
	first.Userland.Status.Requests = &v1alpha1.Requests{RestartAt: &metav1.Time{Time: now}, KeepUntil: &metav1.Time{Time: now.Add(time.Hour)}}
	first.Userland.Status.Conditions = append(first.Userland.Status.Conditions, metav1.Condition{Type: v1alpha1.UpdatePendingCondition, Status: "True", Reason: v1alpha1.OlderRevisionReason})
	w.Set(first.Userland, "")
	return w
}

func TestPages(t *testing.T) {
	for _, test := range []struct{ name, user, target string }{
		{"board", teacher, "/courses/prog1"},
		{"board-filtered", teacher, "/courses/prog1?show=Running&find=EXAMPLE.ac"},
		{"board-nobody-found", watcher, "/courses/prog1?find=%3Cscript%3E"},
		{"boards", teacher, "/courses"},
		{"carrel-staff", teacher, "/courses/prog1/carrels/24t0101"},
		{"carrel-failing", teacher, "/courses/prog1/carrels/24t0107"},
		{"carrel-watcher", watcher, "/courses/prog1/carrels/24t0103"},
		{"carrel-own", student, "/courses/prog1/carrels/24t0101"},
		{"carrel-own-hand", "24T0107@example.ac.jp", "/courses/prog1/carrels/24t0107"},
		{"mine", student, "/"},
		{"mine-none", stranger, "/"},
	} {
		for _, lang := range []string{"en", "ja"} {
			t.Run(test.name+"/"+lang, func(t *testing.T) {
				w := lab()
				gatewaytest.Morning(now, func(at time.Time, running int) {
					if at.Minute()%30 == 0 {
						w.board.Timelines.Add(course, at, running/30)
					}
				})
				got := w.get(test.user, test.target, lang)
				if got.Code != http.StatusOK {
					t.Fatalf("%d %s", got.Code, got.Body)
				}
				golden(t, filepath.Join("testdata", test.name+"."+lang+".html"), got.Body.String())
			})
		}
	}
}

// Staff of several courses get a page to choose a board.
func TestStaffChooseABoard(t *testing.T) {
	w := lab()
	w.Put(&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: "algebra", Namespace: "algebra"}})
	got := w.get(teacher, "/", "en")
	if body := got.Body.String(); got.Code != http.StatusOK || strings.Index(body, `href="/courses/algebra"`) > strings.Index(body, `href="/courses/prog1"`) || !strings.Contains(body, "Programming 1") {
		t.Errorf("%d %s", got.Code, body)
	}
}

// Every carrel has a page, for staff and for its user.
func TestAllCarrelsHavePages(t *testing.T) {
	w := newWorld(120)
	for _, c := range w.InCourse(course) {
		for _, user := range []string{teacher, c.User} {
			if got := w.get(user, "/courses/prog1/carrels/"+c.Name, "ja"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), c.Name+"</code>") {
				t.Fatalf("%s for %s, %s: %d %s", c.Name, user, c.State, got.Code, got.Body)
			}
		}
	}
}

func TestWhoSeesWhat(t *testing.T) {
	for _, test := range []struct {
		name, user, target string
		status             int
		location, words    string
	}{
		{name: "nobody", target: "/", status: 401},
		{name: "nobody at the board", target: "/courses/prog1", status: 401},
		{name: "one with one carrel goes straight there", user: neighbour, target: "/", status: 303, location: "https://24t0102--prog1.carrels.example/"},
		{name: "and may stay", user: neighbour, target: "/carrels", status: 200, words: "You have one carrel."},
		{name: "staff go to the board", user: teacher, target: "/", status: 303, location: "/courses/prog1"},
		{name: "a student at the board", user: student, target: "/courses/prog1", status: 303, location: "/carrels"},
		{name: "a stranger at the board", user: stranger, target: "/courses/prog1", status: 403},
		{name: "a student at the events", user: student, target: "/courses/prog1/events?since=a.1", status: 303, location: "/carrels"},
		{name: "a stranger at the events", user: stranger, target: "/courses/prog1/events?since=a.1", status: 403},
		{name: "events without a position", user: teacher, target: "/courses/prog1/events", status: 400},
		{name: "a course there is not", user: teacher, target: "/courses/prog2", status: 404},
		{name: "a student at another's carrel", user: student, target: "/courses/prog1/carrels/24t0102", status: 403},
		{name: "a student at a carrel there is not", user: student, target: "/courses/prog1/carrels/24t9999", status: 403},
		{name: "staff at a carrel there is not", user: teacher, target: "/courses/prog1/carrels/24t9999", status: 404},
		{name: "a carrel of a course there is not", user: teacher, target: "/courses/prog2/carrels/24t0101", status: 404},
		{name: "no boards for a student", user: student, target: "/courses", status: 200, words: "not as somebody who may see this"},
		{name: "no such page", user: teacher, target: "/admin", status: 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := lab().get(test.user, test.target, "en")
			if got.Code != test.status || got.Header().Get("Location") != test.location || !strings.Contains(got.Body.String(), test.words) {
				t.Errorf("%d to %q, want %d to %q with %q:\n%s", got.Code, got.Header().Get("Location"), test.status, test.location, test.words, got.Body)
			}
			if strings.Contains(got.Body.String(), neighbour) && test.user != neighbour && test.user != teacher {
				t.Error("it names another student")
			}
		})
	}
}

// If the API server can't be asked, nobody sees anything.
func TestAccessIsNotKnown(t *testing.T) {
	for _, target := range []string{"/courses", "/courses/prog1", "/courses/prog1/events?since=a.1", "/courses/prog1/carrels/24t0101"} {
		w := lab()
		w.denied = errAway
		got := w.get(teacher, target, "en")
		if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" || strings.Contains(got.Body.String(), "24T") {
			t.Errorf("%s: %d %s, want 503 and no names", target, got.Code, got.Body)
		}
	}
}
