package gitlab

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/carrel-dev/carrel/forge"
)

// RunsPipeline reports whether this process runs in GitLab CI.
func RunsPipeline(getenv func(string) string) bool { return getenv("GITLAB_CI") == "true" }

// MergeRequest returns the merge request that a job of GitLab CI is for.
func MergeRequest(getenv func(string) string) (forge.MergeRequest, error) {
	number, err := strconv.ParseInt(getenv("CI_MERGE_REQUEST_IID"), 10, 64)
	if err != nil {
		return forge.MergeRequest{}, errors.New("CI_MERGE_REQUEST_IID is not set: start this job for merge requests only (rules: if: $CI_PIPELINE_SOURCE == \"merge_request_event\")")
	}
	repository, err := forge.ParseRepository(getenv("CI_PROJECT_URL"))
	if err != nil {
		return forge.MergeRequest{}, fmt.Errorf("CI_PROJECT_URL: %w", err)
	}
	// In a merged results pipeline CI_COMMIT_SHA is a merge that exists nowhere else.
	head := getenv("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
	if head == "" {
		head = getenv("CI_COMMIT_SHA")
	}
	m := forge.MergeRequest{Repository: repository, Number: number, Base: getenv("CI_MERGE_REQUEST_DIFF_BASE_SHA"), Head: head}
	return m, m.Check()
}
