package gitlab_test

import (
	"testing"

	"github.com/carrel-dev/carrel/forge/conformance"
	"github.com/carrel-dev/carrel/forge/gitlab"
	"github.com/carrel-dev/carrel/forge/gitlab/gitlabtest"
)

func TestComments(t *testing.T) {
	standIn := gitlabtest.New(t)
	conformance.RunComments(t, conformance.CommentTarget{
		Open: gitlab.OpenComments, Config: config(t, standIn),
		Request: func(*testing.T) int64 { return standIn.Request() },
		Say:     func(_ *testing.T, request int64, body string) { standIn.Say(request, body) },
		Bodies:  func(_ *testing.T, request int64) []string { return standIn.Bodies(request) },
	})
}
