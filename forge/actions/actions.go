// Package actions reads the environment of a run of GitHub Actions. The Actions of
// Gitea and Forgejo set the same variables.
package actions

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/carrel-dev/carrel/forge"
)

// event is the part of the file at GITHUB_EVENT_PATH that is read here.
type event struct {
	PullRequest *struct {
		Number int64  `json:"number"`
		Base   commit `json:"base"`
		Head   commit `json:"head"`
	} `json:"pull_request"`
}

type commit struct {
	SHA string `json:"sha"`
}

// MergeRequest returns the pull request that the run is for.
func MergeRequest(getenv func(string) string) (forge.MergeRequest, error) {
	path := getenv("GITHUB_EVENT_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return forge.MergeRequest{}, fmt.Errorf("read the event that started this run, which GITHUB_EVENT_PATH names: %w", err)
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return forge.MergeRequest{}, fmt.Errorf("read the event in %s: %w", path, err)
	}
	if e.PullRequest == nil {
		return forge.MergeRequest{}, fmt.Errorf("the event in %s is not about a pull request: start this job `on: pull_request`", path)
	}
	repository, err := forge.ParseRepository(strings.TrimSuffix(getenv("GITHUB_SERVER_URL"), "/") + "/" + getenv("GITHUB_REPOSITORY"))
	if err != nil {
		return forge.MergeRequest{}, fmt.Errorf("GITHUB_SERVER_URL and GITHUB_REPOSITORY: %w", err)
	}
	m := forge.MergeRequest{Repository: repository, Number: e.PullRequest.Number, Base: e.PullRequest.Base.SHA, Head: e.PullRequest.Head.SHA}
	return m, m.Check()
}
