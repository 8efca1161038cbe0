package story

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// Courses are those of clusters/local.
var Courses = []string{"prog1", "database", "sandbox"}

// Installed are the milestones of a cluster that has everything: each course, those
// of clusters/local and any more, has reported on the commit that all its carrels
// are ready.
func Installed(forge *Forge, commit string, more ...string) []Milestone {
	var milestones []Milestone
	for _, course := range slices.Concat(Courses, more) {
		m := Reported(forge, course, commit, "success")
		m.Name, m.Within = course+" ready", InstalledWithin
		milestones = append(milestones, m)
	}
	return milestones
}

// Student is somebody a teacher adds to a course whose roster is a CSV file.
type Student struct {
	// Course is where to, User the identity they log in with, Name their own and
	// Section the part of the class.
	Course, User, Name, Section string
	// Page are words of the page their carrel shows.
	Page string
}

// NewStudent is the student of the story; the number begins with a digit, as
// student numbers do.
var NewStudent = Student{Course: "prog1", User: "26t0999", Name: "Kanda Sora", Section: "a", Page: "code-server"}

// Userland is the name of theirs.
func (s Student) Userland() string { return roster.UserlandName(s.User) }

// Row is the line that adds the student: user, name, section, enabled.
func (s Student) Row() string { return fmt.Sprintf("%s,%s,%s,\n", s.User, s.Name, s.Section) }

// RosterPath is the file of a course's students.
func RosterPath(course string) string { return "courses/" + course + "/roster/roster.csv" }

// Roster reads the students of a course in the work tree at root.
func Roster(root, course string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, RosterPath(course)))
	if err != nil {
		return "", fmt.Errorf("read the roster of %s: %w", course, err)
	}
	return string(text), nil
}

// Joins adds the student to the roster in the work tree at root.
func (s Student) Joins(root string) (Change, error) {
	text, err := Roster(root, s.Course)
	return Change{Path: RosterPath(s.Course), Content: []byte(text + s.Row())}, err
}

// Arrive tells the cluster that a user came, as a gateway does: a carrel that
// sleeps wakes.
func Arrive(ctx context.Context, c client.Client, course, userland string, now time.Time) error {
	seen := v1alpha1ac.Userland(userland, course).WithStatus(v1alpha1ac.UserlandStatus().WithLastActivityTime(metav1.NewTime(now)))
	if err := c.Status().Apply(ctx, seen, client.FieldOwner("story"), client.ForceOwnership); err != nil {
		return fmt.Errorf("say that the user of %s came: %w", userland, err)
	}
	return nil
}

// Asleep is reached when a carrel waits for its user.
func Asleep(c client.Client, course, userland string) Milestone {
	return Milestone{Name: "carrel asleep", Within: SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var u v1alpha1.Userland
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: userland}, &u); err != nil {
			return "", false, err
		}
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil {
			return course + "/" + userland + " has no Ready condition yet", false, nil
		}
		return u.Status.State + ": " + ready.Message, u.Status.State == v1alpha1.StateAsleep, nil
	}}
}
