// Command carrel is the command line for people and for CI. Each of its commands
// is a file of this package that has flags and wiring only.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

// garbage is by how many percent memory may grow before what is not used is
// collected, unless GOGC says otherwise. A run is short: four times the default takes
// a third less time for rendering courses.
const garbage = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if err := newCommand().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// exitCode tells what could not be checked from what was found.
func exitCode(err error) int {
	if errors.Is(err, errUnchecked) {
		return 2
	}
	return 1
}

// group puts commands below one that only holds them: alone it shows its help.
func group(command *cobra.Command, below ...*cobra.Command) *cobra.Command {
	command.AddCommand(below...)
	command.Args = func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return fmt.Errorf("%s has no command %q: %s --help lists those there are", command.CommandPath(), args[0], command.CommandPath())
	}
	command.RunE = func(command *cobra.Command, _ []string) error { return command.Help() }
	return command
}

func newCommand() *cobra.Command {
	command := &cobra.Command{
		Use:           "carrel",
		Short:         "Look after courses of carrels in git",
		SilenceUsage:  true,
		SilenceErrors: true,
		// kubectl finds it as kubectl-carrel; help and completion then say so.
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: invokedAs(os.Args[0])},
	}
	command.AddCommand(
		newCheckCommand(), newPlanCommand(), newCICommand(),
		newWhyCommand(), newHistoryCommand(), newAtCommand(),
		newRosterCommand(), newNewCommand(), newConvertCommand(),
		newStatusCommand(), newOpenCommand(), newManCommand(),
	)
	return command
}
