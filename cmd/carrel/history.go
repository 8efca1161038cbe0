package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/spf13/cobra"

	"github.com/carrel-dev/carrel/gitops/history"
)

// historyFlags holds the flags of why, history and at.
type historyFlags struct {
	repository, revision, output string
	withoutProgram               bool
	layout                       history.Layout
	field                        string
	// limit is the largest number of events of carrel history; 0 means all.
	limit int
	live  liveFlags
}

func (f *historyFlags) add(command *cobra.Command) {
	flags := command.Flags()
	addRepository(command, &f.repository)
	flags.StringVar(&f.revision, "rev", "HEAD", "branch, tag or commit to look back from")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json or csv")
	flags.BoolVar(&f.withoutProgram, "no-git-program", false, "read the history without the git program, even if it is installed")
	flags.StringVar(&f.layout.Roster, "roster", history.DefaultLayout.Roster, "directory of a course's class; COURSE stands for its name")
	flags.StringVar(&f.layout.Templates, "templates", history.DefaultLayout.Templates, "directory of a course's Templates")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(history.Formats, cobra.ShellCompDirectiveNoFileComp))
}

func (f *historyFlags) addField(command *cobra.Command) {
	command.Flags().StringVar(&f.field, "field", "", "only changes of one field: "+strings.Join(history.Fields, ", "))
	_ = command.RegisterFlagCompletionFunc("field", cobra.FixedCompletions(history.Fields, cobra.ShellCompDirectiveNoFileComp))
}

// open opens the repository and returns the commit to look back from.
func (f *historyFlags) open() (*history.Repository, plumbing.Hash, error) {
	if !slices.Contains(history.Formats, f.output) {
		return nil, plumbing.ZeroHash, fmt.Errorf("no format is called %q: name one of %v", f.output, history.Formats)
	}
	if f.field != "" && !slices.Contains(history.Fields, f.field) {
		return nil, plumbing.ZeroHash, fmt.Errorf("no field is called %q: name one of %v", f.field, history.Fields)
	}
	if err := f.live.unnoticed(); err != nil {
		return nil, plumbing.ZeroHash, err
	}
	if f.live.on && f.output != "text" {
		return nil, plumbing.ZeroHash, fmt.Errorf("--live prints text only: leave out --output=%s, or use kubectl get userlands -o %s", f.output, f.output)
	}
	repository, err := history.Open(f.repository, !f.withoutProgram)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	from, err := repository.Resolve(f.revision)
	return repository, from, err
}

// courses returns the named courses, or all courses of the commit if none is named.
func (f *historyFlags) courses(repository *history.Repository, from plumbing.Hash, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	all, err := repository.Courses(from, f.layout)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("there is no course in %s: name another commit with --rev, or the courses' directory with --roster", f.layout.Roster)
	}
	return all, err
}

// completeCourses completes the argument at index at with the courses of the clone.
func (f *historyFlags) completeCourses(at int) cobra.CompletionFunc {
	return func(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(given) != at {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		repository, from, err := f.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer repository.Close()
		names, _ := repository.Courses(from, f.layout) // completion ignores errors
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeStudentAndCourse completes a student and then a course.
func (f *historyFlags) completeStudentAndCourse(command *cobra.Command, given []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return f.completeCourses(1)(command, given, typed)
	}
	repository, from, err := f.open()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer repository.Close()
	var users []string
	courses, _ := repository.Courses(from, f.layout) // completion ignores errors
	for _, course := range courses {
		class, _ := repository.At(from, course, f.layout)
		for _, student := range class.Carrels {
			users = append(users, student.User)
		}
	}
	slices.Sort(users)
	return slices.Compact(users), cobra.ShellCompDirectiveNoFileComp
}

// printEvents writes the events of the named courses, or of all courses if none is
// named.
func (f *historyFlags) printEvents(command *cobra.Command, student string, named []string) error {
	repository, from, err := f.open()
	if err != nil {
		return err
	}
	defer repository.Close()
	courses, err := f.courses(repository, from, named)
	if err != nil {
		return err
	}
	looked := courses
	if len(named) == 0 {
		gone, err := repository.Former(command.Context(), from, f.layout)
		if err != nil {
			return err
		}
		looked = slices.Concat(courses, gone)
	}
	var events []history.Event
	for _, course := range looked {
		found, err := repository.Events(command.Context(), history.Query{Course: course, From: from, Layout: f.layout, Student: student, Field: f.field})
		if err != nil {
			return fmt.Errorf("course %s: %w", course, err)
		}
		events = append(events, found...)
	}
	slices.SortStableFunc(events, func(a, b history.Event) int { return a.Time.Compare(b.Time) })
	if len(events) == 0 && f.output == "text" {
		return f.nothing(repository, from, student, looked)
	}
	older := 0
	if student == "" {
		slices.Reverse(events) // the newest first
		if f.limit > 0 && len(events) > f.limit {
			older, events = len(events)-f.limit, events[:f.limit]
		}
	}
	if err := history.WriteEvents(command.OutOrStdout(), f.output, events); err != nil {
		return err
	}
	if older > 0 {
		fmt.Fprintf(command.ErrOrStderr(), "%d older events are not shown: --limit=0 shows all\n", older)
	}
	if !f.live.on {
		return nil
	}
	return f.live.writeLive(command.Context(), command.OutOrStdout(), courses, student, from)
}

// nothing returns an error that explains why git has no events.
func (f *historyFlags) nothing(repository *history.Repository, from plumbing.Hash, student string, courses []string) error {
	there, err := repository.Courses(from, f.layout)
	for _, course := range courses {
		if err == nil && len(courses) == 1 && !slices.Contains(there, course) {
			return fmt.Errorf("there is no course %q in %s, only %v: for one that is gone, name a commit that had it with --rev", course, f.revision, there)
		}
	}
	whom := "students"
	if student != "" {
		whom = fmt.Sprintf("%q", student)
	}
	hint := "give the login, the carrel's name or the person's name as the roster has it"
	if repository.Shallow() {
		hint = "this clone holds only part of the history: git fetch --unshallow"
	}
	return fmt.Errorf("git has no events of %s in %v up to %s: %s", whom, courses, f.revision, hint)
}

const whyExample = `  # What happened to 21t0042 in every course?
  carrel why 21t0042

  # Who stopped a carrel, and with which merge request?
  carrel why 21T0042@stu.example.ac.jp prog1 --field enabled

  # For the auditors
  carrel why 21t0042 --output=csv > 21t0042.csv`

func newWhyCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "why STUDENT [COURSE]",
		Short: "Show the history of a student's carrel from git",
		Long: `Why shows when a student was added, changed, moved or removed, by which commit and
merge request, who asked for it, who merged it, and what the Template was at the
time. It reads git only, along first parents: a merge request is one step. It
follows a student from a file to a row of a roster, and to another roster. Without
COURSE it looks into all courses, also into those that are gone.

STUDENT is the login, the name of the carrel, or the person's name as the roster has
it. docs/history.md explains the output.`,
		Example: whyExample,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			if strings.TrimSpace(args[0]) == "" {
				return errors.New("nobody is named: give the login, the carrel's name or the person's name as the roster has it")
			}
			return f.printEvents(command, args[0], args[1:])
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeStudentAndCourse
	f.live.add(command, "how the carrel is now, why it does not run, and which commit was applied")
	f.addField(command)
	return command
}

const historyExample = `  # All that happened to a course
  carrel history prog1

  # As it was known at a tag, for a spreadsheet
  carrel history prog1 --rev=term-2026 --limit=0 --output=csv > prog1.csv`

func newHistoryCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "history COURSE",
		Short: "Show the history of a course from git",
		Long: `History shows every student who was added, changed or removed, every change of a
Template, and the commits whose class could not be read. The newest comes first.`,
		Example: historyExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return f.printEvents(command, "", args)
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeCourses(0)
	f.live.add(command, "how the class is now, and which commit was applied")
	f.addField(command)
	command.Flags().IntVar(&f.limit, "limit", 100, "the largest number of events to show; 0 means all")
	return command
}

const atExample = `  # The class on the day of the exam
  carrel at 2026-07-24 prog1

  # Every course as a tag has it
  carrel at --rev=term-2026`

func newAtCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "at [DATE] [COURSE]",
		Short: "Show the class as of a day, from git",
		Long: `At shows the class at the end of a day (local time) or at a time such as
2026-07-24T13:00:00+09:00. Without DATE it shows the class at --rev.`,
		Example: atExample,
		Args:    cobra.RangeArgs(0, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return f.printClasses(command.Context(), command, args)
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeCourses(1)
	return command
}

func (f *historyFlags) printClasses(ctx context.Context, command *cobra.Command, args []string) error {
	repository, commit, err := f.open()
	if err != nil {
		return err
	}
	defer repository.Close()
	named, err := f.courses(repository, commit, nil)
	if err == nil && len(args) == 1 && slices.Contains(named, args[0]) {
		args = []string{"", args[0]} // a course, and no date
	}
	if len(args) > 0 && args[0] == "" {
		args = args[1:]
	} else if len(args) > 0 {
		when, err := parseTime(args[0])
		if err != nil {
			return err
		}
		if commit, err = repository.Before(ctx, commit, when); err != nil {
			return err
		}
		args = args[1:]
	}
	courses, err := f.courses(repository, commit, args)
	if err != nil {
		return err
	}
	var classes []history.Snapshot
	for _, course := range courses {
		class, err := repository.At(commit, course, f.layout) //nolint:contextcheck // It builds a commit in memory, which nothing interrupts.
		if err != nil {
			return err
		}
		classes = append(classes, class)
	}
	return history.WriteSnapshots(command.OutOrStdout(), f.output, classes)
}

// parseTime parses a time, or a day, for which it returns the day's end.
func parseTime(text string) (time.Time, error) {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return when, fmt.Errorf("%q is no date: write 2026-07-24, or 2026-07-24T13:00:00+09:00", text)
	}
	return when, nil
}
