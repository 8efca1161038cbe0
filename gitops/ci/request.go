// Package ci serves the pipelines of merge requests. It finds the request of a run,
// and puts the results of check and plan into one comment and one commit status.
package ci

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/carrel-dev/carrel/forge"
)

// Kind is a kind of forge.
type Kind string

// The forges whose pipelines FromEnvironment recognizes.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// MergeRequest is the merge request of a run.
type MergeRequest struct {
	Kind       Kind
	Repository forge.Repository
	// Number is the number by which people refer to the request.
	Number int64
	// Base and Head are the full hashes of the target and of the proposed commit.
	Base, Head string
}

// FromEnvironment returns the merge request described by the variables of GitHub
// Actions, GitLab CI, or the Actions of Gitea and Forgejo. getenv is os.Getenv. The
// error names the missing variable.
func FromEnvironment(getenv func(string) string) (MergeRequest, error) {
	switch {
	case getenv("GITLAB_CI") == "true":
		return fromGitLab(getenv)
	case getenv("GITEA_ACTIONS") == "true" || getenv("FORGEJO_ACTIONS") == "true":
		return fromActions(getenv, Gitea)
	case getenv("GITHUB_ACTIONS") == "true":
		return fromActions(getenv, GitHub)
	}
	return MergeRequest{}, errors.New("this is no run of GitHub Actions, GitLab CI or Gitea Actions, nor of Forgejo's: to look at changes by hand, use carrel check and carrel plan")
}

// event is the part that we read of the event file of Actions.
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

func fromActions(getenv func(string) string, kind Kind) (MergeRequest, error) {
	path := getenv("GITHUB_EVENT_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return MergeRequest{}, fmt.Errorf("read the event that started this run, which GITHUB_EVENT_PATH names: %w", err)
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return MergeRequest{}, fmt.Errorf("read the event in %s: %w", path, err)
	}
	if e.PullRequest == nil {
		return MergeRequest{}, fmt.Errorf("the event in %s is not about a pull request: start this job `on: pull_request`", path)
	}
	repository, err := forge.ParseRepository(strings.TrimSuffix(getenv("GITHUB_SERVER_URL"), "/") + "/" + getenv("GITHUB_REPOSITORY"))
	if err != nil {
		return MergeRequest{}, fmt.Errorf("GITHUB_SERVER_URL and GITHUB_REPOSITORY: %w", err)
	}
	r := MergeRequest{Kind: kind, Repository: repository, Number: e.PullRequest.Number, Base: e.PullRequest.Base.SHA, Head: e.PullRequest.Head.SHA}
	return r, r.complete()
}

func fromGitLab(getenv func(string) string) (MergeRequest, error) {
	number, err := strconv.ParseInt(getenv("CI_MERGE_REQUEST_IID"), 10, 64)
	if err != nil {
		return MergeRequest{}, errors.New("CI_MERGE_REQUEST_IID is not set: start this job for merge requests only (rules: if: $CI_PIPELINE_SOURCE == \"merge_request_event\")")
	}
	repository, err := forge.ParseRepository(getenv("CI_PROJECT_URL"))
	if err != nil {
		return MergeRequest{}, fmt.Errorf("CI_PROJECT_URL: %w", err)
	}
	// In a merged results pipeline, CI_COMMIT_SHA is a merge commit that exists
	// nowhere else.
	head := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
	if head == "" {
		head = getenv("CI_COMMIT_SHA")
	}
	r := MergeRequest{Kind: GitLab, Repository: repository, Number: number, Base: getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"), Head: head}
	return r, r.complete()
}

func (r MergeRequest) complete() error {
	if r.Number < 1 || len(r.Base) < 40 || len(r.Head) < 40 {
		return fmt.Errorf("the run does not describe its merge request completely: number %d, base %q, head %q", r.Number, r.Base, r.Head)
	}
	return nil
}
