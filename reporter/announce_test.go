package reporter

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/forge/gitea/giteatest"
)

// told are the events since it was last asked.
func (w *world) told() []string {
	var told []string
	for {
		select {
		case event := <-w.recorder.Events:
			told = append(told, event)
		default:
			return told
		}
	}
}

func (w *world) expectTold(what string, want ...string) {
	w.Helper()
	got := w.told()
	if len(got) != len(want) {
		w.Fatalf("%s: the events are %q, want those that begin with %q", what, got, want)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			w.Errorf("%s: an event is %q, want it to begin with %q", what, got[i], want[i])
		}
	}
}

// Each post is an event, and one that fails is one for as long as it fails in the
// same way.
func TestEventForEachPost(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	commit := w.commit("first", "roster1", "templates1")
	w.reconcile()
	w.expectTold("a post", "Normal Posted pending on commit "+abbreviate(commit)+": 0 of 1 ready, 1 starting")
	w.becomes(0, "Failing", "ImagePullBackOff")
	w.reconcile()
	w.expectTold("a failure", "Warning Posted failure on commit "+abbreviate(commit)+": 1 of 1 needs attention")

	w.commit("second", "roster2", "templates1")
	w.forge.Fail(giteatest.HangUp)
	for range 3 {
		w.reconcile()
		w.pass(time.Minute)
	}
	w.expectTold("a forge that is down", "Warning ForgeUnavailable the forge at ")
	w.forge.Fail(nil)
	w.forge.SetToken("another")
	for range 3 {
		w.reconcile()
		w.pass(time.Hour)
	}
	w.expectTold("a token revoked", "Warning Unauthorized the forge refuses the token")
	w.forge.SetToken(giteatest.Token)
	w.pass(time.Hour)
	w.reconcile()
	w.expectTold("it is back", "Warning Posted failure")
}

func TestRevisionOfAnEvent(t *testing.T) {
	long := strings.Repeat("0123abcd", 8)
	for _, test := range []struct{ branch, commit, want string }{
		{"main", long[:40], "main@sha1:" + long[:40]},
		{"", long[:40], "sha1:" + long[:40]},
		{"main", long, "main@sha256:" + long},
	} {
		if diff := cmp.Diff(map[string]string{"carrel.dev/revision": test.want}, ofRevision(test.branch, test.commit)); diff != "" {
			t.Errorf("annotations of an event (-want +got):\n%s", diff)
		}
	}
	if got := ofRevision("main", ""); got != nil {
		t.Errorf("an event about no commit says %v", got)
	}
}

// listener is what Flux's notification-controller would be: it takes events.
func listener(t *testing.T) (address string, heard chan eventv1.Event) {
	heard = make(chan eventv1.Event, 100)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event eventv1.Event
		if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
			t.Errorf("read an event: %v", err)
		}
		heard <- event
	}))
	t.Cleanup(server.Close)
	return server.URL, heard
}

// checkEvents looks at an event of the Course on the API server, and at what the
// listener heard.
func (w *world) checkEvents(commit string, heard chan eventv1.Event) {
	w.Helper()
	revision := "master@sha1:" + commit
	var list corev1.EventList
	if err := w.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	for _, event := range list.Items {
		if event.InvolvedObject.Name == w.course && event.Annotations["carrel.dev/revision"] != revision {
			w.Errorf("event %q tells revision %q, want %q", event.Message, event.Annotations["carrel.dev/revision"], revision)
		}
	}
	for first := true; first || len(heard) > 0; first = false {
		select {
		case event := <-heard:
			object := event.InvolvedObject
			if object.Kind != "Course" || object.Name != w.course || object.Namespace != w.course || event.Metadata["carrel.dev/revision"] != revision ||
				event.ReportingController != FieldOwner || event.Reason != "Posted" {
				w.Errorf("the listener heard %+v", event)
			}
		case <-time.After(within):
			w.Fatal("the listener heard nothing")
		}
	}
}
