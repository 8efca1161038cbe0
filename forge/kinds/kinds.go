// Package kinds lists the forges that Carrel knows. To add one, write a package that
// passes the tests of package conformance, and a row here.
package kinds

import (
	"errors"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/actions"
	"github.com/carrel-dev/carrel/forge/gitea"
	"github.com/carrel-dev/carrel/forge/github"
	"github.com/carrel-dev/carrel/forge/gitlab"
)

// All returns the kinds in the order of their names. Clients of GitHub that one list
// opens share the tokens of GitHub Apps.
func All() forge.Kinds {
	return forge.Kinds{
		{
			// Forgejo is a Gitea to its clients.
			Name: "gitea", Open: gitea.Open, OpenComments: gitea.OpenComments,
			RunsPipeline: func(getenv func(string) string) bool {
				return getenv("GITEA_ACTIONS") == "true" || getenv("FORGEJO_ACTIONS") == "true"
			},
			MergeRequest: actions.MergeRequest,
		},
		{
			Name: "github", Open: new(github.Opener).Open, OpenComments: github.OpenComments, Apps: true,
			// Gitea sets GITHUB_ACTIONS too, and comes first.
			RunsPipeline: func(getenv func(string) string) bool { return getenv("GITHUB_ACTIONS") == "true" },
			MergeRequest: actions.MergeRequest,
		},
		{
			Name: "gitlab", Open: gitlab.Open, OpenComments: gitlab.OpenComments,
			RunsPipeline: gitlab.RunsPipeline, MergeRequest: gitlab.MergeRequest,
		},
	}
}

// FromEnvironment returns the forge whose pipeline runs this process, and the merge
// request that the pipeline runs for. It reads environment variables by getenv, which is
// os.Getenv except in tests. Its error names the variable that is missing.
func FromEnvironment(getenv func(string) string) (forge.Kind, forge.MergeRequest, error) {
	for _, kind := range All() {
		if kind.RunsPipeline(getenv) {
			request, err := kind.MergeRequest(getenv)
			return kind, request, err
		}
	}
	return forge.Kind{}, forge.MergeRequest{}, errors.New("this is no run of GitHub Actions, GitLab CI or Gitea Actions, nor of Forgejo's: to look at changes by hand, use carrel check and carrel plan")
}
