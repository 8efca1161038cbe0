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

func appConfig(t *testing.T, s *githubtest.Server, lasts time.Duration) forge.Config {
	t.Helper()
	c := config(t, s)
	c.Token = ""
	c.App = &forge.App{ID: githubtest.AppID, PrivateKey: s.App(t, lasts)}
	return c
}

func TestConformanceOfAnApp(t *testing.T) {
	standIn := githubtest.New(t)
	conformance.Run(t, conformance.Target{
		Open:   new(github.Opener).Open,
		Config: appConfig(t, standIn, time.Hour),
		Commit: func(t *testing.T) string { return standIn.Commit(t.Name()) },
		Write: func(t *testing.T, files map[string]string) string {
			return standIn.Write(fmt.Sprint(t.Name(), files), files)
		},
		Merge: func(t *testing.T, files map[string]string) string {
			return standIn.Merge(fmt.Sprint(t.Name(), files), files)
		},
	})
}

// readLatest opens a client, as the reporter does for each report, and reads a status.
func readLatest(t *testing.T, opener *github.Opener, config forge.Config, commit string) error {
	t.Helper()
	client, err := opener.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Latest(t.Context(), commit, "carrel/test/prog1")
	return err
}

func TestTokenOfAnAppIsKeptUntilItsEndIsNear(t *testing.T) {
	for name, test := range map[string]struct {
		lasts time.Duration
		want  int
	}{
		"an hour":                 {time.Hour, 1},
		"its last minute is near": {50 * time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			standIn, opener := githubtest.New(t), &github.Opener{}
			config, commit := appConfig(t, standIn, test.lasts), standIn.Commit("a")
			for range 3 {
				if err := readLatest(t, opener, config, commit); err != nil {
					t.Fatal(err)
				}
			}
			if got := standIn.Tokens(); got != test.want {
				t.Errorf("%d tokens were fetched for 3 clients, want %d", got, test.want)
			}
		})
	}
}

// An App that is installed again gets another token before the old one has expired.
func TestTokenOfAnAppIsRevoked(t *testing.T) {
	standIn, opener := githubtest.New(t), &github.Opener{}
	config, commit := appConfig(t, standIn, time.Hour), standIn.Commit("a")
	if err := readLatest(t, opener, config, commit); err != nil {
		t.Fatal(err)
	}
	standIn.Revoke()
	if err := readLatest(t, opener, config, commit); !errors.Is(err, forge.ErrUnauthorized) {
		t.Errorf("a revoked token gave %v, want %v", err, forge.ErrUnauthorized)
	}
	if err := readLatest(t, opener, config, commit); err != nil {
		t.Errorf("after that the App is asked for no other token: %v", err)
	}
}

func TestAppRefused(t *testing.T) {
	for name, edit := range map[string]func(*forge.Config, *githubtest.Server){
		"another key":            func(_ *forge.Config, s *githubtest.Server) { s.App(t, time.Hour) },
		"another App":            func(c *forge.Config, _ *githubtest.Server) { c.App.ID++ },
		"another installation":   func(c *forge.Config, _ *githubtest.Server) { c.App.InstallationID = 1 },
		"not in this repository": func(c *forge.Config, _ *githubtest.Server) { c.Repository.Name = "other" },
		"no such repository, given the installation": func(c *forge.Config, _ *githubtest.Server) {
			c.Repository.Name, c.App.InstallationID = "other", githubtest.InstallationID
		},
	} {
		t.Run(name, func(t *testing.T) {
			standIn := githubtest.New(t)
			config := appConfig(t, standIn, time.Hour)
			edit(&config, standIn)
			if err := readLatest(t, &github.Opener{}, config, standIn.Commit("a")); !errors.Is(err, forge.ErrUnauthorized) {
				t.Errorf("got %v, want %v", err, forge.ErrUnauthorized)
			}
		})
	}
}

func TestAppWhileGitHubIsDown(t *testing.T) {
	standIn := githubtest.New(t)
	config := appConfig(t, standIn, time.Hour)
	config.App.InstallationID = githubtest.InstallationID
	for name, answer := range map[string]struct {
		code  int
		after string
		want  time.Duration
	}{
		"ill":     {http.StatusBadGateway, "", 0},
		"limited": {http.StatusForbidden, "7", 7 * time.Second},
	} {
		standIn.Fail(func(w http.ResponseWriter, _ *http.Request) {
			if answer.after != "" {
				w.Header().Set("Retry-After", answer.after)
			}
			githubtest.Reply(w, answer.code, nil)
		})
		err := readLatest(t, &github.Opener{}, config, strings.Repeat("5", 40))
		var unavailable *forge.UnavailableError
		if !errors.As(err, &unavailable) || unavailable.RetryAfter != answer.want {
			t.Errorf("%s: got %v, want it unavailable for %v", name, err, answer.want)
		}
	}
}

func TestKeyOfAnAppThatIsNone(t *testing.T) {
	config := appConfig(t, githubtest.New(t), time.Hour)
	config.App.PrivateKey = []byte("no PEM")
	if _, err := github.Open(config); err == nil || strings.Contains(err.Error(), "no PEM") {
		t.Errorf("a key that is none gave %v, want an error that does not repeat it", err)
	}
}
