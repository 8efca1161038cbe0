package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/github"
	"github.com/carrel-dev/carrel/forge/github/githubtest"
)

const secondaryLimits = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"

func TestConformance(t *testing.T) {
	standIn := githubtest.New(t)
	conformance.Run(t, conformance.Target{
		Open:   github.Open,
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

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		code       int
		header     map[string]string
		body       map[string]string
		want       error
		retryAfter time.Duration
	}{
		"401: the token was revoked":   {code: 401, want: forge.ErrUnauthorized},
		"403: the token may not write": {code: 403, want: forge.ErrUnauthorized},
		"404: no such repository":      {code: 404, want: forge.ErrNotFound},
		"422: no such commit":          {code: 422, body: map[string]string{"message": "No commit found for SHA: 5555"}, want: forge.ErrNotFound},
		"the primary limit says when it ends": {code: 403, retryAfter: 90 * time.Second, header: map[string]string{
			"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1790000090",
			"Date": time.Unix(1790000000, 0).UTC().Format(http.TimeFormat),
		}},
		"a secondary limit says how long": {code: 403, retryAfter: 7 * time.Second,
			header: map[string]string{"Retry-After": "7"}, body: map[string]string{"documentation_url": secondaryLimits}},
		"a secondary limit that does not": {code: 403, retryAfter: time.Minute, body: map[string]string{"documentation_url": secondaryLimits}},
		"429":                             {code: 429, header: map[string]string{"Retry-After": "9"}, retryAfter: 9 * time.Second},
		"502 is worth another try":        {code: 502},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			standIn := githubtest.New(t)
			standIn.Fail(func(w http.ResponseWriter, _ *http.Request) {
				for key, value := range test.header {
					w.Header().Set(key, value)
				}
				githubtest.Reply(w, test.code, test.body)
			})
			for call, err := range try(t, standIn) {
				var unavailable *forge.UnavailableError
				switch {
				case test.want != nil && !errors.Is(err, test.want):
					t.Errorf("%s gave %v, want %v", call, err, test.want)
				case test.want == nil && !errors.As(err, &unavailable):
					t.Errorf("%s gave %v, want an UnavailableError", call, err)
				case test.want == nil && unavailable.RetryAfter != test.retryAfter:
					t.Errorf("%s says to retry after %v, want %v", call, unavailable.RetryAfter, test.retryAfter)
				}
			}
		})
	}
}

// try makes each call with a new client, as the reporter does.
func try(t *testing.T, standIn *githubtest.Server) map[string]error {
	t.Helper()
	commit := strings.Repeat("5", 40)
	_, latest := open(t, standIn).Latest(t.Context(), commit, "carrel/test/prog1")
	post := open(t, standIn).Post(t.Context(), commit, forge.Status{Context: "carrel/test/prog1", State: forge.Success})
	return map[string]error{"Latest": latest, "Post": post}
}

func TestDescriptionTooLong(t *testing.T) {
	standIn := githubtest.New(t)
	err := open(t, standIn).Post(t.Context(), standIn.Commit("a"), forge.Status{
		Context: "carrel/test/prog1", State: forge.Success, Description: strings.Repeat("x", forge.MaxDescription+1),
	})
	var unavailable *forge.UnavailableError
	if err == nil || errors.Is(err, forge.ErrNotFound) || errors.As(err, &unavailable) {
		t.Errorf("Post of a description too long gave %v, want a plain refusal", err)
	}
}

func open(t *testing.T, s *githubtest.Server) forge.Client {
	t.Helper()
	client, err := github.Open(config(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func config(t *testing.T, s *githubtest.Server) forge.Config {
	t.Helper()
	repository, err := forge.ParseRepository(s.Address())
	if err != nil {
		t.Fatal(err)
	}
	return forge.Config{Repository: repository, Token: githubtest.Token}
}
