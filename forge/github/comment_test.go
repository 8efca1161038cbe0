package github_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/github"
	"github.com/carrel-dev/carrel/forge/github/githubtest"
)

func TestComments(t *testing.T) {
	standIn := githubtest.New(t)
	conformance.RunComments(t, conformance.CommentTarget{
		Open: github.OpenComments, Config: config(t, standIn),
		Request: func(*testing.T) int64 { return standIn.Request() },
		Say:     func(_ *testing.T, request int64, body string) { standIn.Say(request, body) },
		Bodies:  func(_ *testing.T, request int64) []string { return standIn.Bodies(request) },
	})
}

// The token of a GitHub Actions run may not ask for its owner.
func TestCommentsOfActions(t *testing.T) {
	standIn := githubtest.New(t)
	standIn.Actions()
	client, err := github.OpenComments(config(t, standIn))
	if err != nil {
		t.Fatal(err)
	}
	request, mark := standIn.Request(), forge.Mark("check")
	for _, text := range []string{"first", "second"} {
		if err := client.Keep(t.Context(), request, mark, text); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{mark.On("second")}, standIn.Bodies(request)); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}
