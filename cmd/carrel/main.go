// Command carrel is the command line for people and for CI. Each command has a file
// in this package, which contains only flags and wiring.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/carrel-dev/carrel/cmd/internal/version"
)

// garbage is the value of GOGC, in percent, unless the environment sets one. A run
// is short, and four times Go's default renders courses in a third less time.
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

// exitCode returns 2 if the check could not run, and 1 for every other error.
func exitCode(err error) int {
	if errors.Is(err, errUnchecked) {
		return 2
	}
	return 1
}

// group adds commands below a command that does nothing itself. Without a
// subcommand it prints its help.
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
		Version:       version.String(),
		// kubectl calls the program kubectl-carrel; help and completion then show
		// "kubectl carrel".
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: invokedAs(os.Args[0])},
	}
	command.AddCommand(
		newCheckCommand(), newPlanCommand(), newCICommand(),
		newWhyCommand(), newHistoryCommand(), newAtCommand(),
		newRosterCommand(), newNewCommand(), newConvertCommand(),
		newStatusCommand(), newVolumesCommand(), newOpenCommand(),
		newInventoryCommand(), newRestoreCommand(), newManCommand(),
	)
	showCall(command)
	completeRepository(command)
	command.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return fmt.Errorf("%w\ncall it as: %s", err, command.UseLine())
	})
	return command
}
