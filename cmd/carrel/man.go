package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manDate is the date of the manual pages. It is constant, so that generating them
// again gives the same files.
var manDate = time.Date(2026, time.October, 1, 0, 0, 0, 0, time.UTC)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "Write the manual pages, one for each command",
		Long:    `Write the manual pages, one for each command, for packages of carrel. They are kept in docs/man.`,
		Example: "  carrel man /usr/local/share/man/man1 && man carrel-plan",
		Args:    cobra.ExactArgs(1),
		Hidden:  true,
		RunE: func(command *cobra.Command, args []string) error {
			return writeMan(command.Root(), args[0])
		},
	}
}

func writeMan(root *cobra.Command, directory string) error {
	if err := os.MkdirAll(directory, 0o755); err != nil {
		return fmt.Errorf("make the directory of the manual: %w", err)
	}
	root.DisableAutoGenTag = true
	root.InitDefaultCompletionCmd()
	if err := doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "Carrel", Manual: "Carrel", Date: &manDate}, directory); err != nil {
		return fmt.Errorf("write the manual: %w", err)
	}
	return nil
}
