package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/gitops/scaffold"
)

func newNewCommand() *cobra.Command {
	var course scaffold.Options
	root := "."
	sub := &cobra.Command{
		Use:   "course ID",
		Short: "Create a course: its class, its Template, and the cluster's part",
		Long: `Course creates courses/ID with an empty CSV roster and an overlay of a Template. For
each --cluster it creates clusters/CLUSTER/courses/ID with the namespace, its accounts,
limits and network policies, a quota for --students, and the group of the staff, and adds
it to the cluster's list. Carrels sleep after 30 minutes without their user. Commit the files in a
merge request, then add students.`,
		Example: `  carrel new course algo --title=Algorithms --template=code-server --cluster=campus --students=120
  carrel roster import algo students.csv`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			course.ID = args[0]
			files, err := scaffold.Write(root, course)
			if err != nil {
				return err
			}
			for _, name := range files {
				fmt.Fprintln(command.OutOrStdout(), name)
			}
			return nil
		},
	}
	flags := sub.Flags()
	addRepository(sub, &root)
	flags.StringVar(&course.Title, "title", "", "the course's title (default its ID)")
	flags.StringVar(&course.Template, "template", "code-server", "Template in courses/base to use")
	flags.StringVar(&course.Staff, "staff", "", "the group of the staff (default ID-staff)")
	flags.IntVar(&course.Students, "students", 40, "the number of students for whom the quota has room")
	flags.StringSliceVar(&course.Clusters, "cluster", nil, "cluster to add the course to; may be repeated")
	return group(&cobra.Command{Use: "new", Short: "Create the files of something new"}, sub)
}
