package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/core/inventory"
	"github.com/carrel-dev/carrel/recovery"
)

const restoreLong = `Restore makes the PersistentVolumes and claims of an inventory again, with the marks that
say whose they are. The data itself must be in the storage.

What is there already stays as it is: restore deletes nothing, and changes no claim. If a
claim of the same name was made after the loss, the restored one gets another name. If the
student has worked in that claim, the restored one is also marked (carrel.dev/restored-at),
so that it counts. It may be stopped and run again.

With --storage, directories that the inventory does not know are listed, and volumes whose
directory is not there are listed and not restored. PersistentVolumes are restored with the
reclaim policy Retain. The command fails if a volume of the inventory is not restored.`

// restoreFlags holds the flags of carrel restore.
type restoreFlags struct {
	clusterFlags
	user, storage            string
	dryRun, createNamespaces bool
}

func newRestoreCommand() *cobra.Command {
	f := &restoreFlags{}
	command := &cobra.Command{
		Use:   "restore INVENTORY",
		Short: "Give the volumes of an inventory back after the cluster's data was lost",
		Long:  restoreLong,
		Example: `  carrel restore inventory.yaml --create-namespaces --storage=/srv/volumes --dry-run
  carrel restore inventory.yaml --create-namespaces --storage=/srv/volumes
  carrel restore inventory.yaml --user=24t0101`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			from, err := recovery.Open(args[0])
			if err != nil {
				return err
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			return f.restore(command.Context(), c, from, time.Now(), command.OutOrStdout())
		},
	}
	f.add(command)
	command.Flags().StringVar(&f.user, "user", "", "only the volumes of the user with this login")
	command.Flags().StringVar(&f.storage, "storage", "", "the directory that has a directory for each volume, to compare with the inventory")
	command.Flags().BoolVar(&f.createNamespaces, "create-namespaces", false, "create the namespaces of courses that do not exist")
	command.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done, and write nothing")
	return command
}

func (f *restoreFlags) restore(ctx context.Context, c client.Client, from inventory.Inventory, now time.Time, out io.Writer) error {
	fmt.Fprintf(out, "inventory of %s, %s ago: %d volumes\n", from.Time.UTC().Format(time.RFC3339), now.Sub(from.Time.Time).Round(time.Minute), len(from.Volumes))
	options := recovery.Options{DryRun: f.dryRun, CreateNamespaces: f.createNamespaces, Now: now}
	if f.storage != "" {
		var err error
		if options.Storage, err = recovery.Storage(f.storage); err != nil {
			return err
		}
	}
	unknown := options.Storage.Unknown(from)
	if f.user != "" {
		if from, unknown = from.Of(f.user), nil; len(from.Volumes) == 0 {
			return fmt.Errorf("the inventory has no volume of user %q: give the login as in the roster", f.user)
		}
	}
	err := writeRestored(ctx, c, from, options, out)
	for _, directory := range unknown {
		fmt.Fprintf(out, "not in the inventory: directory %s; restore gives it to nobody\n", directory)
	}
	return err
}

// writeRestored restores the volumes, and prints a line for each and a summary.
func writeRestored(ctx context.Context, c client.Client, from inventory.Inventory, o recovery.Options, out io.Writer) error {
	word := map[bool]string{false: "restored", true: "to restore"}[o.DryRun]
	counts := map[string]int{}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COURSE\tUSER\tVOLUME\tCLAIM\tRESULT")
	err := recovery.Restore(ctx, c, from, o, func(r recovery.Result) {
		result, detail := word, ""
		switch {
		case r.Err != nil:
			result, detail = "not restored", ": "+r.Err.Error()
		case r.Present:
			result = "there already"
		}
		counts[result]++
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s%s\n", r.Volume.Course, r.Volume.User, r.Volume.Name, r.Claim, result, detail)
	})
	if err := errors.Join(err, table.Flush()); err != nil {
		return err
	}
	failed := counts["not restored"]
	fmt.Fprintf(out, "%d %s, %d there already, %d not restored\n", counts[word], word, counts["there already"], failed)
	if failed > 0 {
		return fmt.Errorf("%d volumes are not restored: see the reasons above; it is safe to run this again", failed)
	}
	return nil
}
