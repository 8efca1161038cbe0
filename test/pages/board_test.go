//go:build e2e

package pages

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/page"
)

// school is a gateway's own host whose API server is in memory.
type school struct {
	*gatewaytest.Directory
	mu sync.Mutex
}

// Everybody here but the students is staff.
func (s *school) MayViewBoard(_ context.Context, id auth.Identity, _ string) (bool, error) {
	return id.User == "teacher", nil
}

func (s *school) MayOperate(_ context.Context, id auth.Identity, _ string) (bool, error) {
	return id.User == "teacher", nil
}

// Ask does to the directory what the API server would.
func (s *school) Ask(_ context.Context, u *v1alpha1.Userland, what board.Request, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, _ := s.Carrel(u.Namespace, u.Name)
	changed := c.Userland.DeepCopy()
	if changed.Status.Requests == nil {
		changed.Status.Requests = &v1alpha1.Requests{}
	}
	var value *metav1.Time
	if !at.IsZero() {
		value = &metav1.Time{Time: at}
	}
	switch what {
	case board.RestartAt:
		changed.Status.Requests.RestartAt = value
	case board.HelpSince:
		changed.Status.Requests.HelpSince = value
	case board.KeepUntil:
		changed.Status.Requests.KeepUntil = value
	case board.ResetAt:
		changed.Status.Requests.ResetAt = value
	case board.StopAt:
		changed.Status.Requests.StopAt = value
	}
	s.Set(changed, c.Target)
	return nil
}

func (s *school) Last(_ context.Context, u *v1alpha1.Userland) (board.Visit, bool, error) {
	return board.Visit{Who: "k.tanaka@example.ac.jp", At: time.Now().Add(-3 * time.Hour)}, u.Name == "24t0119", nil
}

// desk is the host, with a given person logged in.
func desk(b *board.Board, user, name string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(page.Prefix, page.Assets())
	mux.Handle("/", b.Handler())
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), auth.Identity{User: user, Name: name})))
	})
}

func newSchool(students int) (*school, *board.Board) {
	s := &school{Directory: gatewaytest.Class(students, time.Now())}
	return s, &board.Board{
		Directory: s, Access: s, Requests: s, Visits: s,
		CarrelURL: func(course, name string) string { return "https://" + name + "--" + course + ".carrels.example.ac.jp/" },
		Tick:      100 * time.Millisecond,
	}
}

func TestBoardLooks(t *testing.T) {
	_, b := newSchool(300)
	gatewaytest.Morning(time.Now(), func(at time.Time, running int) { b.Remember(gatewaytest.CourseName, at, running) })
	address := serve(t, desk(b, "teacher", "田中 健")) + "/courses/" + gatewaytest.CourseName
	chromium := browser(t)
	for _, l := range looks {
		p := open(t, chromium, l, address)
		p.MustElement("#live:not([hidden])")
		keep(t, p, "board-"+l.name)
		p.MustElement("#seat-24t0119 a").MustEval("() => this.click()")
		p.MustElement("dialog[open] #carrel")
		time.Sleep(200 * time.Millisecond)
		keep(t, p, "carrel-"+l.name)
		p.MustClose()
	}
}
