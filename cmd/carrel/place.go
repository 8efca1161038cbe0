package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// addRepository adds the flag that names the repository.
func addRepository(command *cobra.Command, to *string) {
	command.Flags().StringVarP(to, "repository", "C", ".", "a directory of the repository")
}

// rootOf returns the root of the working tree that contains a directory: the nearest
// directory around it that has clusters or .git. Without one, it returns the directory.
func rootOf(directory string) (string, error) {
	absolute, err := filepath.Abs(directory)
	if err != nil {
		return "", fmt.Errorf("find the root of the repository: %w", err)
	}
	for at := absolute; ; at = filepath.Dir(at) {
		for _, name := range []string{"clusters", ".git"} {
			if _, err := os.Stat(filepath.Join(at, name)); err == nil {
				return at, nil
			}
		}
		if at == filepath.Dir(at) {
			return absolute, nil
		}
	}
}

// inRepository returns a path from the root of the repository. The path is absolute,
// or relative to the current directory or to the root.
func inRepository(root, name string) string {
	absolute, err := filepath.Abs(name)
	if err != nil {
		return name
	}
	relative, err := filepath.Rel(root, absolute)
	if err != nil || relative == ".." || strings.HasPrefix(relative, "../") {
		return filepath.ToSlash(name)
	}
	if _, err := os.Stat(absolute); err != nil && !filepath.IsAbs(name) {
		return filepath.ToSlash(name)
	}
	return filepath.ToSlash(relative)
}

// completeRepository completes the names of clusters and courses with the directories of
// the working tree, in a command and those below it.
func completeRepository(command *cobra.Command) {
	if command.Flags().Lookup("cluster") != nil {
		_ = command.RegisterFlagCompletionFunc("cluster", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return directories("clusters", "flux-system"), cobra.ShellCompDirectiveNoFileComp
		})
	}
	if parent := command.Parent(); parent != nil && parent.Name() == "roster" {
		command.ValidArgsFunction = func(command *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			switch {
			case len(given) == 0:
				return directories("courses", "roster"), cobra.ShellCompDirectiveNoFileComp
			case command.Name() == "import":
				return nil, cobra.ShellCompDirectiveDefault
			case command.Name() == "remove":
				return logins(given[0]), cobra.ShellCompDirectiveNoFileComp
			default:
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
		}
	}
	switch command.Name() {
	case "status":
		command.ValidArgsFunction = func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(given) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return directories("courses", "roster"), cobra.ShellCompDirectiveNoFileComp
		}
		_ = command.RegisterFlagCompletionFunc("explain", everyLogin)
	case "open":
		command.ValidArgsFunction = everyLogin
		_ = command.RegisterFlagCompletionFunc("course", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return directories("courses", "roster"), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for _, below := range command.Commands() {
		completeRepository(below)
	}
}

// everyLogin completes a student of any course of the working tree.
func everyLogin(*cobra.Command, []string, string) (all []string, _ cobra.ShellCompDirective) {
	for _, course := range directories("courses", "roster") {
		all = append(all, logins(course)...)
	}
	slices.Sort(all)
	return slices.Compact(all), cobra.ShellCompDirectiveNoFileComp
}

// logins returns the logins of a course of the working tree. It returns none on an error,
// as completion does.
func logins(course string) (all []string) {
	files, err := (&rosterFlags{repository: "."}).class(course)
	if err != nil {
		return nil
	}
	students, err := files.Students("")
	if err != nil {
		return nil
	}
	for _, student := range students {
		all = append(all, student.User)
	}
	return all
}

// directories returns the names of the directories in parent that contain child. It
// returns none on an error, as completion does.
func directories(parent, child string) (names []string) {
	root, err := rootOf(".")
	if err != nil {
		return nil
	}
	found, err := filepath.Glob(filepath.Join(root, parent, "*", child))
	if err != nil {
		return nil
	}
	for _, path := range found {
		names = append(names, filepath.Base(filepath.Dir(path)))
	}
	return names
}

// showCall makes the error for wrong arguments or flags of a command, and of those below
// it, show how the command is called.
func showCall(command *cobra.Command) {
	if args := command.Args; args != nil && command.Runnable() && !command.HasSubCommands() {
		command.Args = func(command *cobra.Command, given []string) error {
			if err := args(command, given); err != nil {
				return fmt.Errorf("%w\ncall it as: %s", err, command.UseLine())
			}
			return nil
		}
	}
	for _, below := range command.Commands() {
		showCall(below)
	}
}
