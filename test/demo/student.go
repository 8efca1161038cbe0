package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// addStudent plays the merge request and tells its timeline. The roster is that of the
// work tree at root, carrel the path of the command line.
func addStudent(ctx context.Context, out io.Writer, c client.Client, forge *story.Forge, root, carrel string) error {
	student := story.NewStudent
	change, err := student.Joins(root)
	if err != nil {
		return err
	}
	request, err := forge.Propose("add-"+student.User, "Add "+student.User+" to "+student.Course, change)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "  %s adds to %s:\n\n      %s\n", request.URL, change.Path, student.Row())
	if err := check(ctx, out, forge, carrel, request); err != nil {
		return err
	}
	begin := time.Now()
	commit, err := forge.Merge(request)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "  %6.1fs  %-22s %s\n", time.Since(begin).Seconds(), "merged", commit)
	return follow(ctx, out, begin, []story.Milestone{
		story.Synced(forge, c, commit),
		story.Applied(forge, c, student.Course, commit),
		story.Asleep(c, student.Course, student.Userland()),
		story.Reported(forge, student.Course, commit, "success"),
	})
}

// check plays the merge request's pipeline, with the command line at a path, and
// shows what it says.
func check(ctx context.Context, out io.Writer, forge *story.Forge, carrel string, request story.MergeRequest) error {
	checked, err := forge.Check(ctx, carrel, request)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "  %s %s on the request: %s. The run says:\n\n", checked.Status.Context, checked.Status.State, checked.Status.Description)
	for line := range strings.Lines(checked.Log) {
		_, _ = fmt.Fprintf(out, "      %s", line)
	}
	_, _ = fmt.Fprintln(out)
	return nil
}

// openCarrel lets the student log in and come to their carrel.
func openCarrel(ctx context.Context, out io.Writer, c client.Client, forge *story.Forge, gateway story.Gateway) error {
	student := story.NewStudent
	if err := forge.NewUsers(ctx, student.User); err != nil {
		return err
	}
	begin := time.Now()
	visitor, err := story.LogIn(ctx, gateway, student.User)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "  %6.1fs  %-22s with their account at the forge\n", time.Since(begin).Seconds(), "logged in")
	return follow(ctx, out, begin, []story.Milestone{
		story.Opened(visitor, gateway.CarrelURL(student.Course, student.Userland()), student.Page),
		story.Ready(c, student.Course, student.Userland()),
	})
}

// printCarrels prints a table of the carrels that run.
func printCarrels(ctx context.Context, out io.Writer, c client.Client) error {
	var all v1alpha1.UserlandList
	if err := c.List(ctx, &all); err != nil {
		return fmt.Errorf("list the carrels: %w", err)
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "  COURSE\tCARREL\tUSER\tSTATE\tPOD")
	resting := map[string]int{}
	for _, u := range all.Items {
		if u.Status.State != v1alpha1.StateRunning {
			resting[u.Namespace]++
			continue
		}
		address, err := story.Address(ctx, c, u.Namespace, u.Name)
		if err != nil {
			address = err.Error()
		}
		_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", u.Namespace, u.Name, u.User(), u.Status.State, address)
	}
	for course, n := range resting {
		_, _ = fmt.Fprintf(table, "  %s\t(%d more)\t\tasleep, or stopped\t\n", course, n)
	}
	return table.Flush()
}

// printDoors tells how to come in, as the student and as the teacher.
func printDoors(out io.Writer, gateway story.Gateway) error {
	student := story.NewStudent
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "  AS\tUSER\tPASSWORD\tADDRESS")
	_, _ = fmt.Fprintf(table, "  student\t%s\t%s\t%s\n", student.User, story.Password(student.User), gateway.DeskURL())
	_, _ = fmt.Fprintf(table, "  teacher\t%s\t%s\t%s\n", story.Teacher, story.Password(story.Teacher), gateway.DeskURL()+"/courses/"+student.Course)
	return table.Flush()
}
