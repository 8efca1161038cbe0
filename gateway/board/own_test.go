package board_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/audit"
)

// listing replaces the client that reads visits by one that counts the lists it sends, and
// fails them if fail is set.
func (w *world) listing(fail error) *int {
	count := 0
	w.board.Audit = audit.Log{Client: interceptor.NewClient(w.Client.(client.WithWatch), interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, options ...client.ListOption) error {
			count++
			if fail != nil {
				return fail
			}
			return c.List(ctx, list, options...)
		},
	})}
	return &count
}

// Reloading one's own page is no load for the API server.
func TestReloadingAsksOnce(t *testing.T) {
	w := newWorld(3)
	count := w.listing(nil)
	for range 500 {
		w.get(student, "/courses/prog1/carrels/24t0101", "en")
	}
	if *count != 1 {
		t.Errorf("500 reloads sent %d lists of events, want 1", *count)
	}
}

// With the API server away, a student still has their own page, with the way to ask for
// help. Others have none.
func TestOwnPageWithoutTheAPIServer(t *testing.T) {
	w := newWorld(3)
	w.listing(errAway)
	w.denied = errAway
	got := w.get(student, "/courses/prog1/carrels/24t0101", "en")
	if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "/raise") || !strings.Contains(got.Body.String(), "/restart") {
		t.Errorf("the owner is answered %d: %s", got.Code, got.Body)
	}
	if got := w.get(neighbour, "/courses/prog1/carrels/24t0101", "en"); got.Code != http.StatusServiceUnavailable {
		t.Errorf("a neighbour is answered %d", got.Code)
	}
}

// The log of a carrel may hold what its student wrote. It is shown to the student, and to
// staff who may act on the carrel; who may only look sees how it ended.
func TestLogOfALastEndIsNotForAll(t *testing.T) {
	w := newWorld(3)
	c, _ := w.Carrel(course, "24t0101")
	c.Userland.Status.LastEnd = &v1alpha1.LastEnd{Time: metav1.NewTime(now), Container: "ide", Reason: "Error", ExitCode: 3, Log: "last words"}
	w.Set(c.Userland, "")
	for user, want := range map[string]bool{student: true, teacher: true, watcher: false} {
		body := w.get(user, "/courses/prog1/carrels/24t0101", "en").Body.String()
		if got := strings.Contains(body, "last words"); got != want || !strings.Contains(body, "exit code 3") {
			t.Errorf("%s sees the log: %v, want %v, and how it ended: %v", user, got, want, strings.Contains(body, "exit code 3"))
		}
	}
}
