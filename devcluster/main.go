// Command devcluster runs a real Kubernetes on this machine, built from Go
// modules and Debian packages: for the demo, for development and for tests.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

func main() { os.Exit(run()) }

func run() int {
	// Debian keeps ip, nft and runc where only an administrator's shell looks.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		return 1
	}
	return 0
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real Kubernetes, Flux and git forge on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newPrepareCommand(),
		newUpCommand(),
		newDownCommand(),
		newLoseEtcdCommand(),
		newStatusCommand(),
		newKubeconfigCommand(),
		newLoadCommand(),
		newForgeCommand(),
		newIngressCommand(),
		newAssetsCommand(),
		newImageCommand(),
		newRegistryCommand(),
		newDaemonCommand(),
		newNodeCommand(),
	)
	return root
}

// report prints progress where it does not mix with what a command answers. The
// estimate may be nil.
func report(estimate *progress.Estimate) progress.Sink {
	return progress.NewPrinter(os.Stderr, estimate).Print
}
