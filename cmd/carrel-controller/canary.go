package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/core/isolation"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/errand/attempt"
)

// terminationLog is the file whose content Kubernetes puts into the status of a pod.
const terminationLog = "/dev/termination-log"

// newCanaryCommand returns the command that runs in the pod of a canary.
func newCanaryCommand(try attempt.Attempt, reportFile string) *cobra.Command {
	var texts []string
	command := &cobra.Command{
		Use:   workload.CanaryCommand,
		Short: "Try what the pods of a course must not reach (in the pod of a canary)",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			targets := make([]isolation.Target, 0, len(texts))
			for _, text := range texts {
				target, err := isolation.ParseTarget(text)
				if err != nil {
					return fmt.Errorf("--try: %w", err)
				}
				targets = append(targets, target)
			}
			report, err := try.Run(command.Context(), targets).Encode()
			if err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
			fmt.Fprintln(command.OutOrStdout(), string(report))
			if err := os.WriteFile(reportFile, report, 0o600); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
			return nil
		},
	}
	command.Flags().StringArrayVar(&texts, "try", nil, "a target, as <part>=<host>:<port>; may be repeated")
	return command
}
