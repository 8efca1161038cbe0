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

const (
	rosterCourse = "sandbox"
	rosterFolder = "courses/sandbox/roster/"
	rosterHead   = "user,name,template,section,enabled\n"
	onlyFiles    = `apiVersion: carrel.dev/v1alpha1
kind: Course
metadata:
  name: sandbox
spec:
  title: Sandbox
  templateName: webterm
`
	withRoster = onlyFiles + `  rosters:
    - configMap: roster
`
)

// confirming is a course.yaml with the word that lets one removal pass.
func confirming(course, word string) string {
	return course + "  guard:\n    confirm: \"" + word + "\"\n"
}

// A class from one file: merged, with a slip, and with a removal that is held
// until somebody says that it is meant.
func TestRosterFile(t *testing.T) {
	const course = rosterCourse
	row := func(name, rest string) string { return name + "@example.ac.jp," + rest + "\n" }
	file := func(name, content string) story.Change {
		return story.Change{Path: rosterFolder + name, Content: []byte(content)}
	}
	rows := row("24t0301", "Sato Yuki,,a,") + row("24t0302", `"Aas, Bjørn",,b,FALSE`) + row("24t0303", "Mori Hana,,a,FALSE") +
		row("24t0304", "Ito Ren,,a,FALSE") + row("24t0305", "Abe Aoi,,b,FALSE")
	commit := merge(t, "Take the class from a file",
		file("kustomization.yaml", `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../../../kustomize/components/roster]
resources: [course.yaml, students/21t0042.yaml, students/alice.yaml, students/bob.yaml]
configMapGenerator:
  - name: roster
    files: [roster.csv]
    options: {labels: {carrel.dev/roster: "true"}}
`), file("roster.csv", rosterHead+rows), file("course.yaml", withRoster))
	reach(t, enrolled(5), story.Reported(forge, course, commit, "success"))

	slip := merge(t, "Slip on line 4", file("roster.csv", rosterHead+strings.Replace(rows, "Hana,,a,FALSE", "Hana,,a,maybe", 1)))
	reach(t, story.Reported(forge, course, slip, "failure"))
	reads(t, course, slip, "roster.csv", "line 4")
	reach(t, enrolled(5))

	cut := merge(t, "Cut the file off", file("roster.csv", rosterHead+row("24t0301", "Sato Yuki,,a,")))
	reach(t, story.Reported(forge, course, cut, "failure"))
	word := heldFor(t, course)
	reads(t, course, cut, "held: would remove 4 of 5", word)
	reach(t, enrolled(5))
	meant := merge(t, "Mean it", file("course.yaml", confirming(withRoster, word)))
	reach(t, enrolled(1), story.Reported(forge, course, meant, "success"))

	back := merge(t, "Go back to files", file("course.yaml", onlyFiles))
	reach(t, story.Reported(forge, course, back, "failure"))
	merge(t, "Mean it", file("course.yaml", confirming(onlyFiles, heldFor(t, course))))
	reach(t, enrolled(0))
	gone := merge(t, "Take it all back", file("course.yaml", onlyFiles), story.Change{Path: rosterFolder + "roster.csv"}, story.Change{Path: rosterFolder + "kustomization.yaml"})
	reach(t, story.Reported(forge, course, gone, "success"))
}

// enrolled is reached when the course has so many Userlands of rows.
func enrolled(want int) story.Milestone { return enrolledIn(rosterCourse, want) }

func enrolledIn(course string, want int) story.Milestone {
	return story.Milestone{Name: "rows brought about", Reached: func(ctx context.Context) (string, bool, error) {
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
	return story.Milestone{Name: name, Reached: func(ctx context.Context) (string, bool, error) {
		object := O(new(T))
		if err := c.Get(ctx, key, object); err != nil {
			return "", false, err
		}
		detail, reached := says(object)
		return detail, reached, nil
	}}
}

// reads checks what the newest status on a commit says.
func reads(t *testing.T, course, commit string, words ...string) {
	t.Helper()
	statuses, err := forge.CourseStatuses(course, commit)
	if err != nil || len(statuses) == 0 {
		t.Fatalf("no status on %s (%v)", commit, err)
	}
	for _, word := range words {
		if said := statuses[len(statuses)-1].Description; !strings.Contains(said, word) {
			t.Errorf("the commit says %q, want it to say %q", said, word)
		}
	}
}

// heldFor is the word that lets the removal pass that is held.
func heldFor(t *testing.T, course string) string {
	t.Helper()
	var found v1alpha1.Course
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
		t.Fatal(err)
	}
	if found.Status.Roster == nil || found.Status.Roster.Held == nil {
		t.Fatalf("nothing is held: %+v", found.Status.Roster)
	}
	return found.Status.Roster.Held.Confirm
}
