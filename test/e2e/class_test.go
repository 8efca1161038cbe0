//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// classSize is how many rows and files of their own prog1 has.
const classSize = 300

// A class of 300 from one file: a slip in line 41 touches nobody, and a removal of
// most is held until the line that the commit says is committed.
func TestClassOf300(t *testing.T) {
	t.Parallel()
	l := claimClass(t)
	roster := rosterOf(t, classCourse)
	text := string(roster.Content)
	lines := strings.SplitAfter(text, "\n")
	if got := len(lines) - 2; got != classSize {
		t.Fatalf("the roster has %d rows, want %d", got, classSize)
	}
	reach(t, enrolledIn(classCourse, classSize))

	slip := strings.Join(lines[:40], "") + strings.Replace(lines[40], ",", ",,,,,", 1) + strings.Join(lines[41:], "")
	bad := l.merge("Slip in line 41", story.Change{Path: roster.Path, Content: []byte(slip)})
	reach(t, story.Reported(forge, classCourse, bad, "failure"))
	reach(t, says(classCourse, bad, "roster.csv", "line 41"))
	reach(t, enrolledIn(classCourse, classSize))

	cut := l.merge("Cut the file off", story.Change{Path: roster.Path, Content: []byte(strings.Join(lines[:101], ""))})
	reach(t, story.Reported(forge, classCourse, cut, "failure"))
	word := heldFor(t, classCourse)
	// Of how many: whoever other tests removed within days counts too.
	reach(t, says(classCourse, cut, "held: would remove 200 of ", "spec.guard.confirm", word))
	reach(t, enrolledIn(classCourse, classSize))

	meant := l.merge("Mean it", story.Change{Path: courseFile, Content: []byte(confirming(string(courseOf(t)), word))})
	reach(t, enrolledIn(classCourse, 100), story.Reported(forge, classCourse, meant, "success"))

	back := l.merge("Take them back", roster, story.Change{Path: courseFile, Content: courseOf(t)})
	reach(t, enrolledIn(classCourse, classSize), story.Reported(forge, classCourse, back, "success"))
}

const courseFile = "courses/prog1/roster/course.yaml"

func courseOf(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, courseFile))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// A student with a file of their own moves into the roster and is not stopped:
// docs/rosters.md says how. Until then the file comes before the row, and the
// Course says so.
func TestFileBecomesRow(t *testing.T) {
	t.Parallel()
	l := claimClass(t)
	const name, file = "hana-mori", "courses/prog1/roster/students/hana-mori.yaml"
	own, err := os.ReadFile(filepath.Join(repository, file))
	if err != nil {
		t.Fatal(err)
	}
	reach(t, story.Ready(c, classCourse, name))
	pod := podUID(t, classCourse, name)

	roster := rosterOf(t, classCourse)
	withRow := story.Change{Path: roster.Path, Content: append(roster.Content, "hana.mori@stu.example.ac.jp,Mori Hana,staff,\n"...)}
	both := l.merge("Add a row for who has a file", withRow)
	reach(t, story.Reported(forge, classCourse, both, "success"), warned(classCourse, "a file of its own"))

	marked := strings.Replace(string(own), "  name: hana-mori\n", "  name: hana-mori\n  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}\n", 1)
	offered := l.merge("Offer it to the row", story.Change{Path: file, Content: []byte(marked)})
	reach(t, story.Reported(forge, classCourse, offered, "success"), ownedByCourse(classCourse, name, true))

	kustomization := "courses/prog1/roster/kustomization.yaml"
	list, err := os.ReadFile(filepath.Join(repository, kustomization))
	if err != nil {
		t.Fatal(err)
	}
	without := strings.Replace(string(list), "  - students/hana-mori.yaml\n", "", 1)
	gone := l.merge("Take the file away", story.Change{Path: file}, story.Change{Path: kustomization, Content: []byte(without)})
	reach(t, story.Reported(forge, classCourse, gone, "success"), ownedByCourse(classCourse, name, true))
	if now := podUID(t, classCourse, name); now != pod {
		t.Errorf("the student was stopped on the way: pod %s is now %s", pod, now)
	}

	left := l.merge("Take the row away", roster)
	reach(t, story.Reported(forge, classCourse, left, "success"), enrolledIn(classCourse, classSize))
	back := l.merge("Go back to the file", story.Change{Path: file, Content: own}, story.Change{Path: kustomization, Content: list})
	reach(t, story.Reported(forge, classCourse, back, "success"), ownedByCourse(classCourse, name, false), story.Ready(c, classCourse, name))
}

func podUID(t *testing.T, course, name string) types.UID {
	t.Helper()
	return types.UID(kubectl(t, "get", "pod", "-n", course, podOf(t, course, name), "-o", "jsonpath={.metadata.uid}"))
}

// warned is reached when the Course warns of something in its rosters.
func warned(course, words string) story.Milestone {
	return inCourse(course, "the Course warns", func(found *v1alpha1.Course) (string, bool) {
		if found.Status.Roster == nil {
			return "no roster", false
		}
		for _, warning := range found.Status.Roster.Warnings {
			if strings.Contains(warning.Cause, words) {
				return warning.Cause, true
			}
		}
		return "no such warning", false
	})
}

// A class whose rows lie in two files, one of a base and one of an overlay that
// adds to it.
func TestRosterOverBaseAndOverlay(t *testing.T) {
	t.Parallel()
	l := claim(t)
	own := original(t, l.path("roster/course.yaml"))
	const generated = "    options: {labels: {carrel.dev/roster: \"true\"}}\n"
	split := l.merge("Split the roster",
		l.file("class/kustomization.yaml", "components: [../../../kustomize/components/roster]\nresources: [course.yaml]\nconfigMapGenerator:\n  - name: roster\n    files: [first.csv]\n"+generated),
		l.file("class/course.yaml", l.withRoster()), l.file("class/first.csv", rosterHead+"24t0401,,,,no\n24t0402,,,,no\n"),
		l.file("roster/kustomization.yaml", "components: [../../../kustomize/components/roster]\nresources: [../class, students/21t0042.yaml, students/alice.yaml, students/bob.yaml]\n"+
			"configMapGenerator:\n  - name: roster\n    behavior: merge\n    files: [late.csv]\n"+generated),
		l.file("roster/late.csv", rosterHead+"24t0403,,,,no\n"),
		l.without("roster/course.yaml"))
	reach(t, story.Reported(forge, l.name, split, "success"), enrolledIn(l.name, 3))

	slip := l.merge("Name one of the base again", l.file("roster/late.csv", rosterHead+"24t0403,,,,no\n24t0401,,,,no\n"))
	reach(t, story.Reported(forge, l.name, slip, "failure"))
	reach(t, says(l.name, slip, "late.csv line 3", "first.csv line 2"))
	reach(t, enrolledIn(l.name, 3))

	l.merge("Go back to files", own, l.file("roster/kustomization.yaml", "resources: [course.yaml, students/21t0042.yaml, students/alice.yaml, students/bob.yaml]\n"))
	l.merge("Mean it", l.file("roster/course.yaml", confirming(l.onlyFiles(), heldFor(t, l.name))))
	reach(t, enrolledIn(l.name, 0))
	var away []story.Change
	for _, path := range []string{"class/kustomization.yaml", "class/course.yaml", "class/first.csv", "roster/kustomization.yaml", "roster/late.csv"} {
		away = append(away, l.without(path))
	}
	gone := l.merge("Take it all back", append(away, own)...)
	reach(t, story.Reported(forge, l.name, gone, "success"))
}

// removalHeld is reached when the guard holds a removal.
func removalHeld(course string) story.Milestone {
	return inCourse(course, "a removal held", func(found *v1alpha1.Course) (string, bool) {
		if found.Status.Roster == nil || found.Status.Roster.Held == nil {
			return "nothing is held", false
		}
		return found.Status.Roster.Held.Confirm, true
	})
}

// inCourse is reached when the Course says so.
func inCourse(course, name string, says func(*v1alpha1.Course) (string, bool)) story.Milestone {
	return about(name, client.ObjectKey{Namespace: course, Name: course}, says)
}

// ownedByCourse is reached when a Userland is one of a row, or is not.
func ownedByCourse(course, name string, want bool) story.Milestone {
	return about("owner of "+name, client.ObjectKey{Namespace: course, Name: name}, func(u *v1alpha1.Userland) (string, bool) {
		return u.Status.State, (controllerOf(u) == "Course") == want && u.DeletionTimestamp == nil
	})
}
