package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/recovery"
)

const inventoryLong = `Inventory writes down whose each volume of the cluster is, and where its data lies: what
carrel restore needs if the API server's data is lost. It reads PersistentVolumeClaims and
PersistentVolumes, and changes nothing.

The file holds the logins of all students. Files are written with mode 0600.`

func newInventoryCommand() *cobra.Command {
	f := &clusterFlags{}
	var output, directory string
	keep := 14
	command := &cobra.Command{
		Use:   "inventory",
		Short: "Write down whose each volume of the cluster is",
		Long:  inventoryLong,
		Example: `  carrel inventory --output=inventory.yaml
  carrel inventory --directory=/srv/carrel-inventory --keep=14`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if keep < 1 {
				return fmt.Errorf("--keep=%d would delete the new inventory too: set 1 or more", keep)
			}
			c, err := f.client()
			if err != nil {
				return err
			}
			taken, err := recovery.Take(command.Context(), c, time.Now())
			if err != nil {
				return err
			}
			switch {
			case directory != "":
				output, err = recovery.Keep(directory, taken, keep)
			case output != "":
				err = recovery.Write(output, taken)
			default:
				var data []byte
				if data, err = taken.Format(); err == nil {
					_, err = command.OutOrStdout().Write(data)
				}
				return err
			}
			if err == nil {
				fmt.Fprintf(command.ErrOrStderr(), "%d volumes are in %s\n", len(taken.Volumes), output)
			}
			return err
		},
	}
	f.add(command)
	command.Flags().StringVarP(&output, "output", "o", "", "the file to write, or replace, instead of standard output")
	command.Flags().StringVar(&directory, "directory", "", "the directory to write a new file to, inventory-<time>.yaml")
	command.Flags().IntVar(&keep, "keep", keep, "how many files to keep in --directory; the oldest are deleted")
	command.MarkFlagsMutuallyExclusive("output", "directory")
	return command
}
