//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

const rosterHead = "user,name,template,section,enabled\n"

// onlyFiles is the Course of a lab whose students have files.
func (l *lab) onlyFiles() string {
	return "apiVersion: carrel.dev/v1alpha1\nkind: Course\nmetadata:\n  name: " + l.name +
		"\nspec:\n  title: Sandbox\n  templateName: webterm\n"
}

// withRoster is the Course of a lab whose students are rows.
func (l *lab) withRoster() string { return l.onlyFiles() + "  rosters:\n    - configMap: roster\n" }

// rosterList has the lab make a roster of roster.csv, beside the files of its students.
func (l *lab) rosterList() story.Change {
	return l.file("roster/kustomization.yaml", `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../../../kustomize/components/roster]
resources: [course.yaml, students/21t0042.yaml, students/alice.yaml, students/bob.yaml]
configMapGenerator:
  - name: roster
    files: [roster.csv]
    options: {labels: {carrel.dev/roster: "true"}}
`)
}

// confirming is a course.yaml with the word that lets one removal pass.
func confirming(course, word string) string {
	return course + "  guard:\n    confirm: \"" + word + "\"\n"
}

// A class from one file: merged, with a slip, and with a removal that is held
// until somebody says that it is meant.
func TestRosterFile(t *testing.T) {
	t.Parallel()
	l := claim(t)
	course := l.name
	row := func(name, rest string) string { return name + "@example.ac.jp," + rest + "\n" }
	file := func(name, content string) story.Change { return l.file("roster/"+name, content) }
	rows := row("24t0301", "Sato Yuki,,a,") + row("24t0302", `"Aas, Bjørn",,b,FALSE`) + row("24t0303", "Mori Hana,,a,FALSE") +
		row("24t0304", "Ito Ren,,a,FALSE") + row("24t0305", "Abe Aoi,,b,FALSE")
	commit := l.merge("Take the class from a file",
		l.rosterList(), file("roster.csv", rosterHead+rows), file("course.yaml", l.withRoster()))
	reach(t, enrolledIn(course, 5), story.Reported(forge, course, commit, "success"))

	slip := l.merge("Slip on line 4", file("roster.csv", rosterHead+strings.Replace(rows, "Hana,,a,FALSE", "Hana,,a,maybe", 1)))
	reach(t, story.Reported(forge, course, slip, "failure"))
	reach(t, says(course, slip, "roster.csv", "line 4"))
	reach(t, enrolledIn(course, 5))

	cut := l.merge("Cut the file off", file("roster.csv", rosterHead+row("24t0301", "Sato Yuki,,a,")))
	reach(t, story.Reported(forge, course, cut, "failure"))
	word := heldFor(t, course)
	reach(t, says(course, cut, "held: would remove 4 of 5", word))
	reach(t, enrolledIn(course, 5))
	meant := l.merge("Mean it", file("course.yaml", confirming(l.withRoster(), word)))
	reach(t, enrolledIn(course, 1), story.Reported(forge, course, meant, "success"))

	l.backToFiles()
}

// backToFiles takes the roster away from a lab.
func (l *lab) backToFiles() {
	t, course := l.t, l.name
	back := l.merge("Go back to files", l.file("roster/course.yaml", l.onlyFiles()))
	reach(t, story.Reported(forge, course, back, "failure"))
	l.merge("Mean it", l.file("roster/course.yaml", confirming(l.onlyFiles(), heldFor(t, course))))
	reach(t, enrolledIn(course, 0))
	gone := l.merge("Take it all back", l.file("roster/course.yaml", l.onlyFiles()), l.without("roster/roster.csv"), l.without("roster/kustomization.yaml"))
	reach(t, story.Reported(forge, course, gone, "success"))
}

// enrolledIn is reached when the course has so many Userlands of rows.
func enrolledIn(course string, want int) story.Milestone {
	return story.Milestone{Name: "rows brought about", Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var all v1alpha1.UserlandList
		if err := c.List(ctx, &all, client.InNamespace(course)); err != nil {
			return "", false, err
		}
		rows := 0
		for i := range all.Items {
			if controllerOf(&all.Items[i]) == "Course" {
				rows++
			}
		}
		return fmt.Sprintf("%d of %d", rows, want), rows == want, nil
	}}
}

// controllerOf is the kind of what owns a Userland; empty for one of a file.
func controllerOf(u *v1alpha1.Userland) string {
	if owner := metav1.GetControllerOf(u); owner != nil {
		return owner.Kind
	}
	return ""
}

// about is reached when an object says so.
func about[T any, O interface {
	*T
	client.Object
}](name string, key client.ObjectKey, says func(O) (string, bool)) story.Milestone {
	return story.Milestone{Name: name, Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		object := O(new(T))
		if err := c.Get(ctx, key, object); err != nil {
			return "", false, err
		}
		detail, reached := says(object)
		return detail, reached, nil
	}}
}

// says is reached when the newest status of the course on a commit holds all the words,
// in whatever case.
func says(course, commit string, words ...string) story.Milestone {
	return story.Milestone{Name: fmt.Sprintf("the commit says %q", words), Within: story.SyncedWithin, Reached: func(context.Context) (string, bool, error) {
		statuses, err := forge.CourseStatuses(course, commit)
		if err != nil || len(statuses) == 0 {
			return "no status", false, err
		}
		said := statuses[len(statuses)-1].Description
		for _, word := range words {
			if !strings.Contains(strings.ToLower(said), strings.ToLower(word)) {
				return said, false, nil
			}
		}
		return said, true, nil
	}}
}

// heldFor is the word that lets the removal pass that is held.
func heldFor(t *testing.T, course string) string {
	t.Helper()
	reach(t, removalHeld(course))
	var found v1alpha1.Course
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
		t.Fatal(err)
	}
	if found.Status.Roster == nil || found.Status.Roster.Held == nil {
		t.Fatalf("nothing is held any more: %+v", found.Status.Roster)
	}
	return found.Status.Roster.Held.Confirm
}
