// Package ci is what the pipelines of merge requests call: it finds out which
// request a run is for, and puts what came of its check and plan into one comment
// and one commit status.
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

// Kind is a sort of forge.
type Kind string

// The forges there are pipelines for.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Request is the merge request a run is for.
type Request struct {
	Kind       Kind
	Repository forge.Repository
	// Number is the one people call it by.
	Number int64
	// Base and Head are the commits it goes from and to, as full hashes.
	Base, Head string
}

// FromEnvironment reads the variables that GitHub Actions, GitLab CI and the
// Actions of Gitea and Forgejo set; getenv is os.Getenv. Its error says which is
// missing.
func FromEnvironment(getenv func(string) string) (Request, error) {
	switch {
	case getenv("GITLAB_CI") == "true":
		return fromGitLab(getenv)
	case getenv("GITEA_ACTIONS") == "true" || getenv("FORGEJO_ACTIONS") == "true":
		return fromActions(getenv, Gitea)
	case getenv("GITHUB_ACTIONS") == "true":
		return fromActions(getenv, GitHub)
	}
	return Request{}, errors.New("this is no run of GitHub Actions, GitLab CI or Gitea Actions, nor of Forgejo's: to look at changes by hand, use carrel check and carrel plan")
}

// event is what Actions write down of the event that started a run.
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

func fromActions(getenv func(string) string, kind Kind) (Request, error) {
	path := getenv("GITHUB_EVENT_PATH")
	data, err := os.ReadFile(path)
	if err != nil {
		return Request{}, fmt.Errorf("read the event that started this run, which GITHUB_EVENT_PATH names: %w", err)
	}
	var e event
	if err := json.Unmarshal(data, &e); err != nil {
		return Request{}, fmt.Errorf("read the event in %s: %w", path, err)
	}
	if e.PullRequest == nil {
		return Request{}, fmt.Errorf("the event in %s is not about a pull request: start this job `on: pull_request`", path)
	}
	repository, err := forge.ParseRepository(strings.TrimSuffix(getenv("GITHUB_SERVER_URL"), "/") + "/" + getenv("GITHUB_REPOSITORY"))
	if err != nil {
		return Request{}, fmt.Errorf("GITHUB_SERVER_URL and GITHUB_REPOSITORY: %w", err)
	}
	r := Request{Kind: kind, Repository: repository, Number: e.PullRequest.Number, Base: e.PullRequest.Base.SHA, Head: e.PullRequest.Head.SHA}
	return r, r.complete()
}

func fromGitLab(getenv func(string) string) (Request, error) {
	number, err := strconv.ParseInt(getenv("CI_MERGE_REQUEST_IID"), 10, 64)
	if err != nil {
		return Request{}, errors.New("CI_MERGE_REQUEST_IID is not set: start this job for merge requests only (rules: if: $CI_PIPELINE_SOURCE == \"merge_request_event\")")
	}
	repository, err := forge.ParseRepository(getenv("CI_PROJECT_URL"))
	if err != nil {
		return Request{}, fmt.Errorf("CI_PROJECT_URL: %w", err)
	}
	// In a merged results pipeline the commit is a merge that exists nowhere else.
	head := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
	if head == "" {
		head = getenv("CI_COMMIT_SHA")
	}
	r := Request{Kind: GitLab, Repository: repository, Number: number, Base: getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"), Head: head}
	return r, r.complete()
}

func (r Request) complete() error {
	if r.Number < 1 || len(r.Base) < 40 || len(r.Head) < 40 {
		return fmt.Errorf("the run does not tell its merge request whole: number %d, base %q, head %q", r.Number, r.Base, r.Head)
	}
	return nil
}
