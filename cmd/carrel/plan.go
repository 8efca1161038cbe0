package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/gitops/ci"
	"github.com/carrel-dev/carrel/gitops/plan"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// planOptions holds the flags of carrel plan.
type planOptions struct {
	repository, base, head, cluster, output string
	live                                    liveFlags
}

func newPlanCommand() *cobra.Command {
	var o planOptions
	command := &cobra.Command{
		Use:   "plan",
		Short: "Show what merging a branch does to people",
		Long: `Show what merging a branch does to people: who is added, removed, moved or stopped,
until when volumes are kept, when carrels restart, and what the fullest session
needs. Plan compares the branch with its merge base, from git alone.

It exits with 1 if a removal in the branch lacks a confirmation, or if a roster can't
be read.`,
		Example: `  carrel plan                                   # this branch, when it is merged into main
  carrel plan --base main --head add-sato
  carrel plan --cluster campus --output markdown
  carrel plan --cluster campus --live --context campus   # and who is at work now`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return o.run(command.Context(), command.OutOrStdout(), time.Now())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.repository, "repository", ".", "directory of the repository")
	flags.StringVar(&o.base, "base", "main", "revision the branch is merged into")
	flags.StringVar(&o.head, "head", "HEAD", "the branch")
	flags.StringVar(&o.cluster, "cluster", "", "cluster to plan for; empty means the only one there is")
	flags.StringVarP(&o.output, "output", "o", "text", "text, markdown or json")
	o.live.add(command, "list the open carrels that would be closed or restarted")
	return command
}

func (o planOptions) run(ctx context.Context, out io.Writer, now time.Time) error {
	write, known := planWriters[o.output]
	if !known {
		return fmt.Errorf("--output %s is not known: text, markdown or json", o.output)
	}
	if err := o.live.unnoticed(); err != nil {
		return err
	}
	repository, err := tree.Open(o.repository)
	if err != nil {
		return err
	}
	base, err := ci.MergeBase(repository, o.base, o.head)
	if err != nil {
		return err
	}
	plans, err := compare(ctx, repository, base, o.head, o.cluster, now)
	if err != nil {
		return err
	}
	if o.live.on {
		if err := o.live.addPresent(ctx, plans); err != nil {
			return err
		}
	}
	if err := write(out, plans); err != nil {
		return err
	}
	if slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.Unconfirmed() || len(p.Problems) > 0 }) {
		return errRefused
	}
	return nil
}

// errRefused is returned if the change must not be merged; the report gives the
// reasons.
var errRefused = errors.New("not to be merged as it is")

var planWriters = map[string]func(io.Writer, []plan.Plan) error{
	"text": func(out io.Writer, plans []plan.Plan) error {
		if len(plans) == 0 {
			_, err := fmt.Fprintln(out, "no course changes")
			return err
		}
		return plan.WriteText(out, plans)
	},
	"markdown": plan.WriteMarkdown,
	"json": func(out io.Writer, plans []plan.Plan) error {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(plans)
	},
}

// compare returns plans for the courses of a cluster that change between two
// commits.
func compare(ctx context.Context, repository *git.Repository, base, head, cluster string, now time.Time) ([]plan.Plan, error) {
	cluster, err := onlyCluster(repository, cluster, base, head)
	if err != nil {
		return nil, err
	}
	was, err := commitAt(repository, base)
	if err != nil {
		return nil, err
	}
	is, err := commitAt(repository, head)
	if err != nil {
		return nil, err
	}
	before, after, err := changedClasses(ctx, was, is, cluster)
	if err != nil {
		return nil, err
	}
	plans := []plan.Plan{}
	for _, course := range courseNames(before, after) {
		p := plan.Compare(course, before[course], after[course], now)
		if p, err = lookingBack(ctx, repository, base, cluster, before[course], after[course], p, now); err != nil {
			return nil, err
		}
		if p.Changes() {
			plans = append(plans, p)
		}
	}
	return plans, nil
}

// lookingBack returns the plan of a change in the light of the commits before it: a
// removal as the guard judges it after those of the last days, and the kept work of
// students who are added.
func lookingBack(ctx context.Context, repository *git.Repository, base, cluster string, before, after plan.Class, p plan.Plan, now time.Time) (_ plan.Plan, err error) {
	if p.Counted == nil && len(p.Added) == 0 {
		return p, nil
	}
	if p.Counted != nil {
		if before.Past, err = pastOf(ctx, repository, base, cluster, p.Course, before, now); err != nil {
			return p, fmt.Errorf("read the last days of course %s: %w", p.Course, err)
		}
	}
	if len(p.Added) > 0 {
		if before.Left, err = leftOf(ctx, repository, base, p.Course, now, slices.Concat(before.Templates, after.Templates)...); err != nil {
			return p, err
		}
	}
	return plan.Compare(p.Course, before, after, now), nil
}

// onlyCluster returns the named cluster, or the repository's only one if named is
// empty.
func onlyCluster(repository *git.Repository, named string, revisions ...string) (string, error) {
	all, err := clustersAt(repository, revisions...)
	switch {
	case err != nil:
		return "", err
	case named != "" && !slices.Contains(all, named):
		return "", fmt.Errorf("--cluster %s: there is no such directory in clusters; there are %v", named, all)
	case named != "":
		return named, nil
	case len(all) == 1:
		return all[0], nil
	default:
		return "", fmt.Errorf("name a cluster with --cluster: there are %v", all)
	}
}
