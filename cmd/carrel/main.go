// Command carrel is the command line for people and for CI. Each of its commands
// is a file of this package that has flags and wiring only.
package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
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
		newStatusCommand(), newOpenCommand(),
	)
	return command
}
