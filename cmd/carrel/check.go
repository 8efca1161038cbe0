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

// errUnchecked is for what could not be looked at.
var errUnchecked = errors.New("could not check")

// unchecked says of an error that it kept all from being looked at.
func unchecked(_ *cobra.Command, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errUnchecked, err)
}

// checkOptions are the flags of carrel check.
type checkOptions struct {
	repository, revision, base, output, explain string
	rules                                       bool
}

func newCheckCommand() *cobra.Command {
	var o checkOptions
	command := &cobra.Command{
		Use:   "check [path]",
		Short: "Find what is wrong with the courses of a repository",
		Long: `Find what is wrong with the courses of a repository, before Flux applies it. All
that Flux would apply to each of clusters/<name> is rendered and judged as the API
server would, from the files as they are or, with --rev, from a commit. Nothing is
run, fetched or written, and no cluster is needed. With a path, only courses that
have a part in that file or directory are looked at, and only what is found in it is
said, and what keeps it from being built.

Exit codes: 0 nothing that must be mended, 1 errors were found, 2 it could not be
checked.`,
		Example: `  carrel check
  carrel check courses/prog1
  carrel check --rev HEAD --base main --output sarif > carrel.sarif
  carrel check --rules
  carrel check --explain quota`,
		Args: func(command *cobra.Command, args []string) error {
			return unchecked(command, cobra.MaximumNArgs(1)(command, args))
		},
		RunE: func(command *cobra.Command, args []string) error {
			below := "."
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
	flags.StringVar(&o.repository, "repository", ".", "directory of the repository: its root, but with --rev or --base")
	flags.StringVar(&o.revision, "rev", "", "revision to check; empty means the files as they are")
	flags.StringVar(&o.base, "base", "", "revision it is to replace: removals over the guard are looked for, too")
	flags.StringVarP(&o.output, "output", "o", "text", "text, json, sarif, junit, gitlab or github")
	flags.StringVar(&o.explain, "explain", "", "say what a rule is about")
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
	found, err := check.Below(ctx, now, before, below)
	if err != nil {
		return err
	}
	if err := check.Write(out, o.format(out), found); err != nil {
		return err
	}
	if check.Failed(found) {
		return errRefused
	}
	return nil
}

// format is in colours where a person reads it.
func (o checkOptions) format(out io.Writer) string {
	file, isFile := out.(*os.File)
	if o.output != "text" || !isFile || os.Getenv("NO_COLOR") != "" {
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
	return commitAt(repository, revision)
}
