package board_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

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
