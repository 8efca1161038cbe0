// Package actions reads the environment of a run of GitHub Actions. The Actions of
// Gitea and Forgejo set the same variables.
package actions

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strconv"
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
	// MergeGroup is a group of pull requests in a merge queue. HeadSHA is the merge of
	// all of them into the target, and BaseSHA the target.
	MergeGroup *struct {
		HeadRef string `json:"head_ref"`
		HeadSHA string `json:"head_sha"`
		BaseSHA string `json:"base_sha"`
	} `json:"merge_group"`
}

// queued matches the branch of a group, which names the last pull request in it.
var queued = regexp.MustCompile(`^refs/heads/gh-readonly-queue/.+/pr-([0-9]+)-[0-9a-f]+$`)

type commit struct {
	SHA string `json:"sha"`
}

// MergeRequest returns the pull request that the run is for. For a merge queue, it is the
// last one of the group, with the commits of the whole group.
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
	m := forge.MergeRequest{}
	switch {
	case e.PullRequest != nil:
		m.Number, m.Base, m.Head = e.PullRequest.Number, e.PullRequest.Base.SHA, e.PullRequest.Head.SHA
	case e.MergeGroup != nil:
		m.Base, m.Head = e.MergeGroup.BaseSHA, e.MergeGroup.HeadSHA
		if found := queued.FindStringSubmatch(e.MergeGroup.HeadRef); found != nil {
			m.Number, _ = strconv.ParseInt(found[1], 10, 64) // Check refuses 0
		}
	default:
		return m, fmt.Errorf("the event in %s is not about a pull request: start this job `on: pull_request` or `on: merge_group`", path)
	}
	repository, err := forge.ParseRepository(strings.TrimSuffix(getenv("GITHUB_SERVER_URL"), "/") + "/" + getenv("GITHUB_REPOSITORY"))
	if err != nil {
		return forge.MergeRequest{}, fmt.Errorf("GITHUB_SERVER_URL and GITHUB_REPOSITORY: %w", err)
	}
	m.Repository = repository
	return m, m.Check()
}
