package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/devcluster/cluster"
)

func newRegistryCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "registry",
		Short: "Serve a registry from which the node pulls images, until interrupted; prints its host and port",
		Args:  cobra.NoArgs,
	}
	layout := layoutFlag(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		layout, err := layout()
		if err != nil {
			return err
		}
		return cluster.ServeRegistry(command.Context(), layout, func(address string) error {
			_, err := fmt.Fprintln(command.OutOrStdout(), address)
			return err
		})
	}
	return command
}
