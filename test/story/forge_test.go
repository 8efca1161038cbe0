package story

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"code.gitea.io/sdk/gitea"
)

// A wait for a commit ends when Flux is past it: of three commits merged in short
// order, Flux may never stop at the second.
func TestRevisionPastACommitHasReachedIt(t *testing.T) {
	history := []string{"first", "second", "third"}
	after := map[string]int{}
	for i, commit := range history {
		after[commit] = i
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for base, b := range after {
			for head, h := range after {
				if r.URL.Path == fmt.Sprintf("/api/v1/repos/%s/%s/compare/%s...%s", owner, repository, base, head) {
					_, _ = fmt.Fprintf(w, `{"total_commits":%d}`, max(0, h-b))
					return
				}
			}
		}
		http.NotFound(w, r)
	}))
	defer server.Close()
	client, err := gitea.NewClient(server.URL, gitea.SetGiteaVersion(""))
	if err != nil {
		t.Fatal(err)
	}
	forge := &Forge{client: client}
	for _, test := range []struct {
		revision string
		want     bool
	}{
		{"", false},
		{"main@sha1:first", false},
		{"main@sha1:second", true},
		{"main@sha1:third", true},
	} {
		if _, reached, err := forge.at(test.revision, "second"); err != nil || reached != test.want {
			t.Errorf("a Kustomization at %q has reached the second commit: %t (error %v), want %t", test.revision, reached, err, test.want)
		}
	}
}
