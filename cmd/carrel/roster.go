package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/core/roster"
	rosteredit "github.com/carrel-dev/carrel/gitops/edit"
)

// rosterFlags holds the flags of all commands below roster.
type rosterFlags struct {
	repository, directory, file string
}

// class opens the roster of a course.
func (f *rosterFlags) class(course string) (*rosteredit.ClassFiles, error) {
	directory := f.directory
	if directory == "" {
		directory = filepath.Join(f.repository, "courses", course, "roster")
		if _, err := os.Stat(directory); err != nil {
			root, err := rootOf(f.repository)
			if err != nil {
				return nil, err
			}
			directory = filepath.Join(root, "courses", course, "roster")
		}
	}
	return rosteredit.Open(directory)
}

// save saves the roster and prints the files that were written.
func save(class *rosteredit.ClassFiles, out io.Writer) error {
	changed, err := class.Save()
	for _, p := range changed {
		fmt.Fprintln(out, p)
	}
	switch {
	case err == nil && len(changed) == 0:
		fmt.Fprintln(out, "nothing to change")
		return nil
	case err == nil:
		added, updated, removed := class.Changes()
		fmt.Fprintf(out, "%d added, %d updated, %d removed; now commit, and see what it does with carrel plan\n", added, updated, removed)
		return nil
	case len(changed) == 0:
		return fmt.Errorf("nothing was changed:\n%w", err)
	default:
		return fmt.Errorf("not all was changed, only %s: fix the cause and try again, or take them back with git restore:\n%w", strings.Join(changed, ", "), err)
	}
}

func newRosterCommand() *cobra.Command {
	f := &rosterFlags{}
	command := &cobra.Command{
		Use:   "roster",
		Short: "Edit the roster of a course in place",
		Long: `Roster edits courses/COURSE/roster in the working tree: CSV files, or one file per
student if the course has no CSV roster. Other lines stay byte for byte. If the result
breaks the rules of rosters, the command lists all problems and writes nothing. Commit
the result in a merge request.`,
	}
	command.PersistentFlags().StringVarP(&f.repository, "repository", "C", ".", "a directory of the repository")
	command.PersistentFlags().StringVar(&f.directory, "directory", "", "directory of the roster (default courses/COURSE/roster)")
	command.PersistentFlags().StringVar(&f.file, "file", "", "only this CSV file, if the roster has several (default all; new students go into the first)")
	return group(command, f.newAdd(), f.newRemove(), f.newImport(), f.newExport(), f.newSort())
}

func (f *rosterFlags) newAdd() *cobra.Command {
	var row roster.Student
	var cells map[string]*string
	disabled := false
	command := &cobra.Command{
		Use:   "add COURSE USER...",
		Short: "Add students",
		Example: `  carrel roster add prog1 24T0104@example.ac.jp --name="Sato Yuki" --section=a
  carrel roster add prog1 24t0105 24t0106 --section=b`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			class, err := f.class(args[0])
			if err != nil {
				return err
			}
			for _, column := range roster.Columns {
				if cell := cells[column.Name]; cell != nil {
					column.Set(&row, *cell) // Save judges the cell
				}
			}
			row.Enabled = !disabled
			for _, user := range args[1:] {
				row.User = user
				if err := class.Add(row, f.file); err != nil {
					return fmt.Errorf("nothing was changed: %w", err)
				}
			}
			return save(class, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	cells = addColumns(command, "", "user", "enabled")
	flags.BoolVar(&disabled, "disabled", false, "add them stopped")
	return command
}

func (f *rosterFlags) newRemove() *cobra.Command {
	var template string
	command := &cobra.Command{
		Use:     "remove COURSE USER...",
		Short:   "Remove students; their work is kept as the Template promises",
		Example: `  carrel roster remove prog1 24T0104@example.ac.jp`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			class, err := f.class(args[0])
			if err != nil {
				return err
			}
			if err := class.Remove(args[1:], template, f.file); err != nil {
				return fmt.Errorf("nothing was changed: %w", err)
			}
			return save(class, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&template, "template", "", "only the carrel with this Template")
	return command
}

func (f *rosterFlags) newImport() *cobra.Command {
	prune := false
	var cells map[string]*string
	command := &cobra.Command{
		Use:   "import COURSE FILE",
		Short: "Import students from Moodle, Google Sheets or other CSV",
		Long: `Import adds the students of a CSV file who are not in the roster, and updates names and
the parts of the class. "-" is standard input. Without flags, it looks for the columns by
their usual names, such as username, full name, or first and last name. With --prune, students who are not in the file are
removed. A large removal still has to be confirmed in git (docs/rosters.md).`,
		Example: `  # Moodle: Participants, Download table data as CSV
  carrel roster import prog1 participants.csv --user="Email address" --section=Groups

  # Google Sheets: File, Download, CSV
  carrel roster import prog1 - < sheet.csv`,
		Args: cobra.ExactArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			class, err := f.class(args[0])
			if err != nil {
				return err
			}
			data, err := readInput(args[1], command.InOrStdin())
			if err != nil {
				return err
			}
			columns := rosteredit.Columns{}
			for name, called := range cells {
				columns[name] = *called
			}
			from, err := rosteredit.ReadForeign(args[1], data, columns)
			if err != nil {
				return fmt.Errorf("nothing was changed:\n%w", err)
			}
			if err := class.Merge(from, f.file, prune); err != nil {
				return fmt.Errorf("nothing was changed:\n%w", err)
			}
			return save(class, command.OutOrStdout())
		},
	}
	flags := command.Flags()
	cells = addColumns(command, "the column with ", "template", "enabled")
	flags.BoolVar(&prune, "prune", false, "remove students who are not in the file")
	return command
}

// addColumns adds a flag for each column of rosters but some, and returns the values by
// the columns' names.
func addColumns(command *cobra.Command, prefix string, but ...string) map[string]*string {
	values := map[string]*string{}
	for _, column := range roster.Columns {
		if !slices.Contains(but, column.Name) {
			values[column.Name] = command.Flags().String(column.Name, "", prefix+column.Text)
		}
	}
	return values
}

func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the file to import: %w", err)
	}
	return data, nil
}

func (f *rosterFlags) newExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export COURSE",
		Short: "Print all students as CSV",
		Long: `Export prints all students as CSV, including those with files of their own. With
--file, it prints the students of that CSV file only. Cells are unchanged, for use by
another program. A spreadsheet takes cells that begin with = + - or @ for formulas:
carrel at --output=csv quotes such cells.`,
		Example: `  carrel roster export prog1 > prog1.csv`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			class, err := f.class(args[0])
			if err != nil {
				return err
			}
			students, err := class.Students(f.file)
			if err != nil {
				return err
			}
			cells := [][]string{roster.ColumnNames()}
			for _, student := range students {
				cells = append(cells, student.Cells())
			}
			return csv.NewWriter(command.OutOrStdout()).WriteAll(cells)
		},
	}
}

func (f *rosterFlags) newSort() *cobra.Command {
	by := "user"
	command := &cobra.Command{
		Use:     "sort COURSE",
		Short:   "Sort the lines of a CSV roster",
		Example: `  carrel roster sort prog1 --by=section`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			class, err := f.class(args[0])
			if err != nil {
				return err
			}
			if err := class.Sort(by, f.file); err != nil {
				return err
			}
			return save(class, command.OutOrStdout())
		},
	}
	command.Flags().StringVar(&by, "by", by, strings.Join(roster.ColumnNames(), ", "))
	return command
}
