package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/forge"
	"github.com/carrel-dev/carrel/forge/kinds"
	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/ci"
	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// tokenVariable names the environment variable with the token for carrel ci report.
const tokenVariable = "CARREL_TOKEN"

func newCICommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "ci",
		Short: "Check the merge request of a pipeline, and report on it",
		Long: `Check the merge request of a pipeline's run, and report on it. GitHub Actions,
GitLab CI and the Actions of Gitea and Forgejo call these commands. The directory ci
of the repository contains the pipelines.`,
	}, newCICheckCommand(), newCIReportCommand())
}

func newCICheckCommand() *cobra.Command {
	var repository, cluster, output string
	command := &cobra.Command{
		Use:   "check",
		Short: "Check the merge request; needs no secret",
		Long: `Check the merge request of this run and write a report. The commits are read as
data: nothing is checked out, run or fetched. It exits with 1 if the request must not
be merged.`,
		Example: "  carrel ci check --cluster campus --output carrel-report.json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			_, request, err := kinds.FromEnvironment(os.Getenv)
			if err != nil {
				return err
			}
			report, err := checkRequest(command.Context(), repository, cluster, os.Getenv, request, time.Now())
			if err != nil {
				return err
			}
			if err := writeReport(output, report); err != nil {
				return err
			}
			if err := printReport(command.OutOrStdout(), report); err != nil {
				return err
			}
			if report.Refused() {
				return errRefused
			}
			return nil
		},
	}
	addRepository(command, &repository)
	command.Flags().StringVar(&cluster, "cluster", "", "cluster to plan for; empty means the only one there is")
	command.Flags().StringVar(&output, "output", "carrel-report.json", "file to write the report to, for carrel ci report")
	return command
}

// checkRequest checks and plans what merging the request makes. Mistakes in the tree
// are part of the report; mistakes in the run are returned as an error.
func checkRequest(ctx context.Context, directory, cluster string, getenv func(string) string, request forge.MergeRequest, now time.Time) (ci.Report, error) {
	report := ci.Report{Base: request.Base, Head: request.Head}
	repository, err := tree.Open(directory)
	if err != nil {
		return report, err
	}
	base, head := merged(getenv, repository, request)
	merge, err := ci.Open(repository, base, head)
	if errors.Is(err, ci.ErrShallow) {
		return report, err
	}
	if err == nil {
		// Removals over the guard are left out, because the plan shows them with
		// their effects.
		var result check.Result
		result, err = check.Run(ctx, merge.After, nil, "")
		report.Findings = result.Findings
	}
	if err == nil {
		report.Plans, err = merge.Plans(ctx, cluster, now)
	}
	if err != nil {
		report.Failure = err.Error()
	}
	return report, nil
}

// merged returns the revisions whose merge is judged. For a request in one of GitLab's
// merge trains, that is the merge of the train, which holds the requests before this one.
func merged(getenv func(string) string, repository *git.Repository, request forge.MergeRequest) (base, head string) {
	if train := getenv("CI_COMMIT_SHA"); train != "" && getenv("CI_MERGE_REQUEST_EVENT_TYPE") == "merge_train" {
		return train + "^", train
	}
	return ci.Target(repository, request.Base, targetBranch(getenv)), request.Head
}

// targetBranch returns the name of the branch into which the request is merged.
func targetBranch(getenv func(string) string) string {
	return cmp.Or(getenv("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"), getenv("GITHUB_BASE_REF"))
}

func writeReport(path string, report ci.Report) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return report.Write(file)
}

// printReport writes the plans of the report into the log of the job.
func printReport(out io.Writer, report ci.Report) error {
	if report.Failure != "" {
		_, err := fmt.Fprintln(out, report.Failure)
		return err
	}
	if len(report.Plans) == 0 {
		_, err := fmt.Fprintln(out, "no course changes")
		return err
	}
	return plan.WriteText(out, report.Plans)
}

func newCIReportCommand() *cobra.Command {
	var repository, input string
	command := &cobra.Command{
		Use:   "report",
		Short: "Post the report of carrel ci check on the merge request",
		Long: `Post the report of carrel ci check on the merge request: a comment, which later runs
update, and the commit status carrel/check. The comment names only students whom the
changed lines name. The token is read from the variable ` + tokenVariable + `.
Nothing is rendered.`,
		Example: "  " + tokenVariable + "=... carrel ci report --input carrel-report.json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			kind, request, err := kinds.FromEnvironment(os.Getenv)
			if err != nil {
				return err
			}
			return post(command.Context(), repository, input, kind, request, os.Getenv(tokenVariable))
		},
	}
	addRepository(command, &repository)
	command.Flags().StringVar(&input, "input", "carrel-report.json", "the report of carrel ci check")
	return command
}

func post(ctx context.Context, directory, input string, kind forge.Kind, request forge.MergeRequest, token string) (err error) {
	if token == "" {
		return fmt.Errorf("%s is not set: put a token there that may comment on merge requests and set commit statuses", tokenVariable)
	}
	file, err := os.Open(input)
	if err != nil {
		return fmt.Errorf("read the report: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	report, err := ci.Read(file, request)
	if err != nil {
		return err
	}
	repository, err := tree.Open(directory)
	if err != nil {
		return err
	}
	base, err := ci.MergeBase(repository, request.Base, request.Head)
	if err != nil {
		return err
	}
	change, err := ci.ReadDiff(ctx, repository, base, request.Head)
	if err != nil {
		return err
	}
	comment, err := report.Comment(change)
	if err != nil {
		return err
	}
	return publish(ctx, kind, request, token, comment, report.Status())
}

// publish posts the comment first, because the status refers to it.
func publish(ctx context.Context, kind forge.Kind, request forge.MergeRequest, token, comment string, status forge.Status) error {
	config := forge.Config{Repository: request.Repository, Token: token}
	comments, err := kind.OpenComments(config)
	if err != nil {
		return err
	}
	statuses, err := kind.Open(config)
	if err != nil {
		return err
	}
	if err := comments.Keep(ctx, request.Number, ci.Mark, comment); err != nil {
		return err
	}
	return statuses.Post(ctx, request.Head, status)
}
