package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

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
needs. Plan merges the branch into its target as the target is now, in memory, and
compares the two, from git alone. It does not look at what is not committed.

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
	addRepository(command, &o.repository)
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
	merge, err := ci.Open(repository, o.base, o.head)
	if err != nil {
		return err
	}
	plans, err := merge.Plans(ctx, o.cluster, now)
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
			_, err := fmt.Fprintln(out, "no course changes; what is not committed is not looked at (carrel check looks at it)")
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
