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

	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A real Kubernetes, Flux and git forge on this machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newAssetsCommand(), newImageCommand())
	return root
}

// report prints progress where it does not mix with what a command answers.
func report() progress.Sink {
	return progress.NewPrinter(os.Stderr).Print
}

func newAssetsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "assets",
		Short: "Print the directory of etcd, kube-apiserver and kubectl (KUBEBUILDER_ASSETS), building them if need be",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			cache, err := program.DefaultCache()
			if err != nil {
				return err
			}
			directory, err := cache.Build(command.Context(), report(), program.Kubernetes)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), directory)
			return err
		},
	}
}
