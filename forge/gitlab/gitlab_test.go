package gitlab_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/gitlab"
	"github.com/carrel-dev/carrel/forge/gitlab/gitlabtest"
)

const course = "carrel/test/prog1"

// The project is in a sub-group.
func TestConformance(t *testing.T) {
	standIn := gitlabtest.New(t)
	conformance.Run(t, conformance.Target{
		Open:   gitlab.Open,
		Config: config(t, standIn),
		Commit: func(t *testing.T) string { return standIn.Commit(t.Name()) },
		Write: func(t *testing.T, files map[string]string) string {
			return standIn.Write(fmt.Sprint(t.Name(), files), files)
		},
		Merge: func(t *testing.T, files map[string]string) string {
			return standIn.Merge(fmt.Sprint(t.Name(), files), files)
		},
	})
}

// A commit may be on several branches, each of which has a pipeline.
func TestBranch(t *testing.T) {
	standIn := gitlabtest.New(t)
	commit := standIn.Commit("a")
	configured := config(t, standIn)
	configured.Branch = "term"
	client, err := gitlab.Open(configured)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []forge.State{forge.Pending, forge.Success} {
		if err := client.Post(t.Context(), commit, forge.Status{Context: course, State: state}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"term"}, standIn.Refs(commit)); diff != "" {
		t.Errorf("branches of the statuses (-want +got):\n%s", diff)
	}
}

func TestSameStateAgainIsDone(t *testing.T) {
	standIn := gitlabtest.New(t)
	client, commit := open(t, standIn), standIn.Commit("a")
	for _, description := range []string{"0 of 2 ready", "1 of 2 ready"} {
		err := client.Post(t.Context(), commit, forge.Status{Context: course, State: forge.Pending, Description: description})
		if err != nil {
			t.Errorf("posting pending with %q gave %v, want no error: GitLab shows that state", description, err)
		}
	}
}

func TestFailures(t *testing.T) {
	const refused = `Cannot transition status via :run from :running (Reason(s): Status cannot transition via "run")`
	tests := map[string]struct {
		code       int
		header     map[string]string
		message    string
		want       error
		plain      bool
		retryAfter time.Duration
	}{
		"401: the token was revoked":           {code: 401, want: forge.ErrUnauthorized},
		"403: the token may not write":         {code: 403, want: forge.ErrUnauthorized},
		"404: no branch holds the commit":      {code: 404, message: "404 References for commit Not Found", want: forge.ErrNotFound},
		"400 is a plain refusal":               {code: 400, message: "name is too long", plain: true},
		"400: a change nobody can look into":   {code: 400, message: refused, plain: true},
		"409: another holds the commit's lock": {code: 409},
		"422: the pipeline is full":            {code: 422, message: "The number of jobs has exceeded the limit", plain: true},
		"429 says how long":                    {code: 429, header: map[string]string{"Retry-After": "7"}, retryAfter: 7 * time.Second},
		"429 says when": {code: 429, retryAfter: 90 * time.Second, header: map[string]string{
			"RateLimit-Reset": "1790000090", "Date": time.Unix(1790000000, 0).UTC().Format(http.TimeFormat),
		}},
		"502 is worth another try": {code: 502},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			standIn := gitlabtest.New(t)
			client := open(t, standIn)
			standIn.Fail(func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range test.header {
					w.Header().Set(key, value)
				}
				gitlabtest.Reply(w, test.code, map[string]string{"message": test.message})
			})
			err := client.Post(t.Context(), strings.Repeat("5", 40), forge.Status{Context: course, State: forge.Success})
			var unavailable *forge.UnavailableError
			retry := errors.As(err, &unavailable)
			switch {
			case err == nil:
				t.Error("Post gave no error")
			case test.want != nil && !errors.Is(err, test.want):
				t.Errorf("Post gave %v, want %v", err, test.want)
			case test.plain && (retry || errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrUnauthorized)):
				t.Errorf("Post gave %v, want a plain refusal", err)
			case test.want == nil && !test.plain && !retry:
				t.Errorf("Post gave %v, want an UnavailableError", err)
			case retry && unavailable.RetryAfter != test.retryAfter:
				t.Errorf("Post says to retry after %v, want %v", unavailable.RetryAfter, test.retryAfter)
			}
		})
	}
}

func open(t *testing.T, s *gitlabtest.Server) forge.Client {
	t.Helper()
	client, err := gitlab.Open(config(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func config(t *testing.T, s *gitlabtest.Server) forge.Config {
	t.Helper()
	repository, err := forge.ParseRepository(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	return forge.Config{Repository: repository, Token: gitlabtest.Token}
}
