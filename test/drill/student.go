package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// student is a student of the class with the work they have written.
type student struct {
	course, user string
	work         string
}

// The courses of the drill. The sandbox has terminals, the other one databases.
const (
	terminals = "sandbox"
	databases = "database"
)

// Students that the drill adds to its clone of the sandbox.
var added = []string{"carol", "dave", "erin"}

// Students with a part in the drill. One is dropped, one begins again on a fresh volume,
// one works between the loss and the restore, and one is restored from a backup.
const (
	droppedUser   = "erin"
	resetUser     = "bob@example.com"
	meanwhileUser = "alice"
	backupUser    = "dave"
)

func newClass() []*student {
	return []*student{
		{course: terminals, user: "alice"}, {course: terminals, user: "bob@example.com"}, {course: terminals, user: "21T0042@stu.example.ac.jp"},
		{course: terminals, user: "carol"}, {course: terminals, user: "dave"}, {course: terminals, user: "erin"},
		{course: databases, user: "21T0042@stu.example.ac.jp"}, {course: databases, user: "hana.mori@stu.example.ac.jp"},
	}
}

func (d *drill) student(user string) *student {
	for _, s := range d.students {
		if s.user == user {
			return s
		}
	}
	panic("no student " + user)
}

// carrel returns the name of the student's Userland. It looks for the login, since names
// may differ after a rebuild.
func (d *drill) carrel(ctx context.Context, s *student) (string, error) {
	var all v1alpha1.UserlandList
	if err := d.client.List(ctx, &all, client.InNamespace(s.course)); err != nil {
		return "", err
	}
	for i := range all.Items {
		if u := &all.Items[i]; strings.EqualFold(u.User(), s.user) {
			return u.Name, nil
		}
	}
	return "", fmt.Errorf("%s has no carrel in %s", s.user, s.course)
}

// inside runs a script in the student's own carrel.
func (d *drill) inside(ctx context.Context, s *student, script string) (string, error) {
	name, err := d.carrel(ctx, s)
	if err != nil {
		return "", err
	}
	out, err := d.command(ctx, "kubectl", "exec", "--namespace="+s.course, "deploy/"+name, "--", "sh", "-c", script)
	return strings.TrimSpace(out), err
}

// sql runs a statement in the student's database.
func sql(statement string) string {
	return "mariadb --host=127.0.0.1 --user=root --password=carrel --batch --skip-column-names lab --execute=\"" + statement + "\""
}

// write writes new work in the student's carrel: a file, or a row of a table.
func (d *drill) write(ctx context.Context, s *student) error {
	s.work = "work of " + s.user + " " + rand.Text()
	script := "echo '" + s.work + "' > /home/coder/report.txt && sync"
	if s.course == databases {
		script = sql("CREATE TABLE IF NOT EXISTS work (line TEXT); INSERT INTO work VALUES ('" + s.work + "')")
	}
	_, err := d.inside(ctx, s, script)
	return err
}

// read returns the work in the student's carrel.
func (d *drill) read(ctx context.Context, s *student) (string, error) {
	if s.course == databases {
		return d.inside(ctx, s, sql("SELECT line FROM work"))
	}
	return d.inside(ctx, s, "cat /home/coder/report.txt 2>/dev/null || echo nothing")
}

// shows returns a milestone that is reached when the student's carrel has the work.
func (d *drill) shows(s *student, work string) story.Milestone {
	return story.Milestone{Name: s.course + " " + s.user, Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		found, err := d.read(ctx, s)
		return fmt.Sprintf("finds %q", found), found == work, err
	}}
}

// ready returns a milestone that is reached when the student's carrel runs.
func (d *drill) ready(s *student) story.Milestone {
	return story.Milestone{Name: s.course + " " + s.user, Within: story.InstalledWithin, Reached: func(ctx context.Context) (string, bool, error) {
		name, err := d.carrel(ctx, s)
		if err != nil {
			return "", false, err
		}
		return story.Ready(d.client, s.course, name).Reached(ctx)
	}}
}

// everybody returns a milestone for each student.
func (d *drill) everybody(milestone func(*student) story.Milestone) []story.Milestone {
	var all []story.Milestone
	for _, s := range d.students {
		all = append(all, milestone(s))
	}
	return all
}
