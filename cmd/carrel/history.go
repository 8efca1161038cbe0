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

// historyFlags are what the flags of why, history and at say.
type historyFlags struct {
	repository, revision, output string
	withoutProgram               bool
	layout                       history.Layout
	field                        string
	live                         liveFlags
}

func (f *historyFlags) add(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVarP(&f.repository, "repository", "C", ".", "a directory of a clone")
	flags.StringVar(&f.revision, "rev", "HEAD", "branch, tag or commit to look back from")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json or csv")
	flags.BoolVar(&f.withoutProgram, "no-git-program", false, "walk without the git program, even where there is one")
	flags.StringVar(&f.layout.Roster, "roster", history.DefaultLayout.Roster, "where a course's class lies; COURSE stands for its name")
	flags.StringVar(&f.layout.Templates, "templates", history.DefaultLayout.Templates, "where a course's Templates lie")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(history.Formats, cobra.ShellCompDirectiveNoFileComp))
}

func (f *historyFlags) addField(command *cobra.Command) {
	command.Flags().StringVar(&f.field, "field", "", "only changes of one field: "+strings.Join(history.Fields, ", "))
	_ = command.RegisterFlagCompletionFunc("field", cobra.FixedCompletions(history.Fields, cobra.ShellCompDirectiveNoFileComp))
}

// open opens the repository and finds the commit.
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
		return nil, plumbing.ZeroHash, fmt.Errorf("--live is told as text only: leave out --output=%s, or ask with kubectl get userlands -o %s", f.output, f.output)
	}
	repository, err := history.Open(f.repository, !f.withoutProgram)
	if err != nil {
		return nil, plumbing.ZeroHash, err
	}
	from, err := repository.Resolve(f.revision)
	return repository, from, err
}

// courses are the one named, or all of the commit.
func (f *historyFlags) courses(repository *history.Repository, from plumbing.Hash, named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	all, err := repository.Courses(from, f.layout)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("no course lies in %s: name another commit with --rev, or where courses lie with --roster", f.layout.Roster)
	}
	return all, err
}

// completeCourses offers the courses of the clone for the argument at a place.
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
		names, _ := repository.Courses(from, f.layout) // none is an answer too
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

// tell prints the events of courses.
func (f *historyFlags) tell(command *cobra.Command, student string, named []string) error {
	repository, from, err := f.open()
	if err != nil {
		return err
	}
	defer repository.Close()
	courses, err := f.courses(repository, from, named)
	if err != nil {
		return err
	}
	var events []history.Event
	for _, course := range courses {
		found, err := repository.Events(command.Context(), history.Query{Course: course, From: from, Layout: f.layout, Student: student, Field: f.field})
		if err != nil {
			return fmt.Errorf("course %s: %w", course, err)
		}
		events = append(events, found...)
	}
	slices.SortStableFunc(events, func(a, b history.Event) int { return a.Time.Compare(b.Time) })
	if len(events) == 0 && f.output == "text" {
		return f.nothing(repository, from, student, courses)
	}
	if err := history.WriteEvents(command.OutOrStdout(), f.output, events); err != nil || !f.live.on {
		return err
	}
	return f.live.writeLive(command.Context(), command.OutOrStdout(), courses, student, from)
}

// nothing says why git may tell of nobody.
func (f *historyFlags) nothing(repository *history.Repository, from plumbing.Hash, student string, courses []string) error {
	there, err := repository.Courses(from, f.layout)
	for _, course := range courses {
		if err == nil && !slices.Contains(there, course) {
			return fmt.Errorf("there is no course %q in %s, only %v: for one that is gone, name a commit that had it with --rev", course, f.revision, there)
		}
	}
	whom := "student"
	if student != "" {
		whom = fmt.Sprintf("%q", student)
	}
	hint := "give the login, the carrel's name or the person's name as the roster has it"
	if repository.Shallow() {
		hint = "this clone holds only part of the history: git fetch --unshallow"
	}
	return fmt.Errorf("git tells of no %s in %v up to %s: %s", whom, courses, f.revision, hint)
}

const whyExample = `  # How did 21t0042 come to be as they are, in every course?
  carrel why 21t0042

  # Who stopped a carrel, and with which merge request?
  carrel why 21T0042@stu.example.ac.jp prog1 --field enabled

  # For the auditors
  carrel why 21t0042 --output=csv > 21t0042.csv`

func newWhyCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "why STUDENT [COURSE]",
		Short: "Tell from git how a student's carrel came to be as it is",
		Long: `Why tells when somebody was added, changed, moved or removed, by which commit and
merge request, who asked for it and who merged it, and what the Template was at the
time. It reads git only, along first parents: a merge request is one step. Somebody
is followed from a file of their own to a row of a roster and to another roster.

STUDENT is the login, the name of the carrel, or the person's name as the roster has
it. docs/history.md tells how to read the answer.`,
		Example: whyExample,
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(command *cobra.Command, args []string) error {
			if strings.TrimSpace(args[0]) == "" {
				return errors.New("nobody is named: give the login, the carrel's name or the person's name as the roster has it")
			}
			return f.tell(command, args[0], args[1:])
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeCourses(1)
	f.live.add(command, "how the carrel is now, and which commit was applied")
	f.addField(command)
	return command
}

const historyExample = `  # All that happened to a course
  carrel history prog1

  # As it was known at a tag, for a spreadsheet
  carrel history prog1 --rev=term-2026 --output=csv > prog1.csv`

func newHistoryCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "history COURSE",
		Short: "Tell from git all that happened to a course",
		Long: `History tells of everybody who was added, changed or removed, of every change of a
Template, and of commits whose class could not be read, oldest first.`,
		Example: historyExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return f.tell(command, "", args)
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeCourses(0)
	f.live.add(command, "how the class is now, and which commit was applied")
	f.addField(command)
	return command
}

const atExample = `  # The class on the day of the exam
  carrel at 2026-07-24 prog1

  # Every course as a tag has it
  carrel at --rev=term-2026`

func newAtCommand() *cobra.Command {
	f := &historyFlags{}
	command := &cobra.Command{
		Use:   "at [DATE [COURSE]]",
		Short: "Show a class as git had it on a day",
		Long: `At shows the class as it stood at the end of a day (local time), at a moment such as
2026-07-24T13:00:00+09:00, or without DATE at --rev.`,
		Example: atExample,
		Args:    cobra.RangeArgs(0, 2),
		RunE: func(command *cobra.Command, args []string) error {
			return f.at(command.Context(), command, args)
		},
	}
	f.add(command)
	command.ValidArgsFunction = f.completeCourses(1)
	return command
}

func (f *historyFlags) at(ctx context.Context, command *cobra.Command, args []string) error {
	repository, commit, err := f.open()
	if err != nil {
		return err
	}
	defer repository.Close()
	if len(args) > 0 {
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
	var classes []history.Class
	for _, course := range courses {
		class, err := repository.At(commit, course, f.layout)
		if err != nil {
			return err
		}
		classes = append(classes, class)
	}
	return history.WriteClass(command.OutOrStdout(), f.output, classes)
}

// parseTime reads a moment, or a day, which is meant to its end.
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
