package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// errUnchecked marks an error that prevented the check, as opposed to a finding.
var errUnchecked = errors.New("could not check")

// unchecked wraps err in errUnchecked. It returns nil if err is nil.
func unchecked(_ *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errUnchecked, err)
}

// checkOptions holds the flags of carrel check.
type checkOptions struct {
	repository, revision, base, output, explain string
	rules                                       bool
}

func newCheckCommand() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check [path]",
		Short: "Find mistakes in the courses of a repository",
		Long: `Find mistakes in the courses of a repository before Flux applies them. Check renders
everything that Flux would apply to each of clusters/<name>, and validates it as the
API server would. It reads the files in the working tree or, with --rev, a commit. It
runs, fetches and writes nothing, and needs no cluster. With a path, it checks only
courses that have a part in that file or directory. It then prints only the findings
in the path, and failures to build it. A path that no cluster builds from is an error.
The last line says what was looked at.

Exit codes: 0 no errors (there may be warnings), 1 errors were found, 2 the check
could not run.`,
		Example: `  carrel check
  carrel check courses/prog1
  carrel check --rev HEAD --base main --output sarif > carrel.sarif
  carrel check --rules
  carrel check --explain quota`,
		Args: func(command *cobra.Command, args []string) error {
			return unchecked(command, cobra.MaximumNArgs(1)(command, args))
		},
		RunE: func(command *cobra.Command, args []string) error {
			below := ""
			if len(args) > 0 {
				below = args[0]
			}
			err := o.run(command.Context(), command.OutOrStdout(), below)
			if errors.Is(err, errRefused) {
				return err
			}
			return unchecked(command, err)
		},
	}
	command.SetFlagErrorFunc(unchecked)
	flags := command.Flags()
	addRepository(command, &o.repository)
	flags.StringVar(&o.revision, "rev", "", "revision to check; empty means the files in the working tree")
	flags.StringVar(&o.base, "base", "", "revision to compare with, to find removals over the guard too")
	flags.StringVarP(&o.output, "output", "o", "text", "text, json, sarif, junit, gitlab or github")
	flags.StringVar(&o.explain, "explain", "", "explain a rule")
	flags.BoolVar(&o.rules, "rules", false, "list the rules")
	return command
}

func (o checkOptions) run(ctx context.Context, out io.Writer, below string) error {
	switch {
	case o.rules:
		return check.List(out)
	case o.explain != "":
		rule, known := check.RuleByID(o.explain)
		if !known {
			return fmt.Errorf("--explain %s: there is no such rule: carrel check --rules lists them", o.explain)
		}
		return rule.Explain(out)
	}
	root, err := rootOf(o.repository)
	if err != nil {
		return err
	}
	if o.revision != "" {
		root = o.repository // which may be a bare repository
	}
	if o.repository = root; below != "" {
		below = inRepository(root, below)
	}
	now, err := o.tree(o.revision)
	if err != nil {
		return err
	}
	var before *tree.Tree
	if o.base != "" {
		if before, err = o.tree(o.base); err != nil {
			return err
		}
	}
	if below = path.Clean(filepath.ToSlash(below)); !fs.ValidPath(below) || !now.Exists(below) {
		return fmt.Errorf("there is no %s: name a path from the root of the repository", below)
	}
	result, err := check.Run(ctx, now, before, below)
	if err != nil {
		return err
	}
	if err := check.Write(out, o.format(out), result); err != nil {
		return err
	}
	if result.Failed() {
		return errRefused
	}
	return nil
}

// format returns the output format. It adds colors if out is a terminal.
func (o checkOptions) format(out io.Writer) string {
	file, isFile := out.(*os.File)
	if o.output != "text" || !isFile || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return o.output
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return o.output
	}
	return "color"
}

func (o checkOptions) tree(revision string) (*tree.Tree, error) {
	if revision == "" {
		return tree.Directory(o.repository)
	}
	repository, err := tree.Open(o.repository)
	if err != nil {
		return nil, err
	}
	found, _, err := tree.At(repository, revision)
	return found, err
}
