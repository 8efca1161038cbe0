package story

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"code.gitea.io/sdk/gitea"
)

// commentMark is in each comment that carrel writes, and in no other.
const commentMark = "<!-- carrel: "

// CheckContext is the commit status of a merge request's check.
const CheckContext = "carrel/check"

// Checked is what a pipeline left on a merge request.
type Checked struct {
	// Comment is ours; Status is that of the request's head.
	Comment string
	Status  CommitStatus
	// Log is what the pipeline printed.
	Log string
}

// Check plays the pipeline ci/gitea/carrel.yaml for a merge request: a clone, and
// the two commands in the environment of a run of Gitea Actions. carrel is the
// program, built from the work tree.
func (f *Forge) Check(ctx context.Context, carrel string, request MergeRequest) (checked Checked, err error) {
	pull, _, err := f.client.GetPullRequest(owner, repository, request.Number)
	if err != nil {
		return checked, fmt.Errorf("read merge request %d: %w", request.Number, err)
	}
	dir, err := os.MkdirTemp("", "carrel-pipeline-")
	if err != nil {
		return checked, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	clone := filepath.Join(dir, "clone")
	address := strings.Replace(f.URL, "://", "://"+robot+":"+f.RobotToken+"@", 1)
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", "--no-checkout", address, clone).CombinedOutput(); err != nil {
		return checked, fmt.Errorf("clone the repository: %w\n%s", err, out)
	}
	environment, err := f.run(dir, pull)
	if err != nil {
		return checked, err
	}
	command := func(arguments ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, carrel, append([]string{"ci"}, arguments...)...)
		cmd.Dir, cmd.Env = clone, append(os.Environ(), environment...)
		return cmd
	}
	// It fails for a request that must not be merged; the report says so too.
	out, err := command("check", "--cluster", "local", "--output", filepath.Join(dir, "report.json")).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return checked, fmt.Errorf("run carrel ci check: %w", err)
	}
	checked.Log = string(out)
	report := command("report", "--input", filepath.Join(dir, "report.json"))
	report.Env = append(report.Env, "CARREL_TOKEN="+f.CheckToken)
	if out, err := report.CombinedOutput(); err != nil {
		return checked, fmt.Errorf("run carrel ci report after carrel ci check said:\n%s\n%w\n%s", checked.Log, err, out)
	}
	return checked, f.readChecked(&checked, pull)
}

// Unchecked returns the open merge requests whose newest commit has no status of a check.
func (f *Forge) Unchecked() ([]MergeRequest, error) {
	pulls, _, err := f.client.ListRepoPullRequests(owner, repository, gitea.ListPullRequestsOptions{State: gitea.StateOpen})
	if err != nil {
		return nil, fmt.Errorf("list the merge requests: %w", err)
	}
	var requests []MergeRequest
	for _, pull := range pulls {
		statuses, err := f.Statuses(pull.Head.Sha)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(statuses, func(s CommitStatus) bool { return s.Context == CheckContext }) {
			requests = append(requests, MergeRequest{Number: pull.Index, URL: pull.HTMLURL})
		}
	}
	return requests, nil
}

// run is the environment of a run for a pull request.
func (f *Forge) run(dir string, pull *gitea.PullRequest) ([]string, error) {
	event := filepath.Join(dir, "event.json")
	data, err := json.Marshal(map[string]any{"pull_request": map[string]any{
		"number": pull.Index, "base": map[string]string{"sha": pull.Base.Sha}, "head": map[string]string{"sha": pull.Head.Sha},
	}})
	if err != nil {
		return nil, fmt.Errorf("write the event of the run: %w", err)
	}
	if err := os.WriteFile(event, data, 0o600); err != nil {
		return nil, fmt.Errorf("write the event of the run: %w", err)
	}
	return []string{
		"GITHUB_ACTIONS=true", "GITEA_ACTIONS=true", "GITHUB_EVENT_PATH=" + event,
		"GITHUB_SERVER_URL=" + f.Host(), "GITHUB_REPOSITORY=" + owner + "/" + repository,
	}, nil
}

// readChecked reads what is on the merge request now.
func (f *Forge) readChecked(checked *Checked, pull *gitea.PullRequest) error {
	comments, _, err := f.client.ListIssueComments(owner, repository, pull.Index, gitea.ListIssueCommentOptions{})
	if err != nil {
		return fmt.Errorf("read the comments on merge request %d: %w", pull.Index, err)
	}
	comments = slices.DeleteFunc(comments, func(c *gitea.Comment) bool { return !strings.Contains(c.Body, commentMark) })
	if len(comments) != 1 {
		return fmt.Errorf("merge request %d has %d comments of carrel, want one", pull.Index, len(comments))
	}
	checked.Comment = comments[0].Body
	statuses, err := f.Statuses(pull.Head.Sha)
	for _, status := range statuses {
		if status.Context == CheckContext {
			checked.Status = status
		}
	}
	return err
}

// BuildCarrel compiles the command line into a directory and returns its path.
func (d Devcluster) BuildCarrel(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "carrel")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/carrel")
	build.Dir = d.Root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build carrel: %w\n%s", err, out)
	}
	return binary, nil
}
