package history_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/history"
)

// scratch is a repository made by the git program.
type scratch struct {
	t         *testing.T
	directory string
	clock     int
}

func newScratch(t *testing.T) *scratch {
	t.Helper()
	s := &scratch{t: t, directory: t.TempDir()}
	s.git("init", "--quiet", "--initial-branch=main")
	return s
}

func (s *scratch) git(arguments ...string) string {
	s.t.Helper()
	out, err := s.try(arguments...)
	if err != nil {
		s.t.Fatalf("git %v: %v\n%s", arguments, err, out)
	}
	return out
}

func (s *scratch) try(arguments ...string) (string, error) {
	s.clock++
	command := exec.Command("git", arguments...)
	command.Dir = s.directory
	date := fmt.Sprintf("%d +0000", 1_790_000_000+3600*s.clock)
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=Hana Mori", "GIT_AUTHOR_EMAIL=mori@example.ac.jp",
		"GIT_COMMITTER_NAME=Forge", "GIT_COMMITTER_EMAIL=forge@example.ac.jp", "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := command.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s *scratch) write(name, content string) {
	s.t.Helper()
	p := filepath.Join(s.directory, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scratch) commit(message string) string {
	s.t.Helper()
	s.git("add", "--all")
	s.git("commit", "--quiet", "--allow-empty", "--message="+message)
	return s.git("rev-parse", "HEAD")
}

const (
	students = "courses/prog1/roster/students/"
	rows     = "courses/prog1/roster/roster.csv"
)

func userland(name, spec string) string {
	return "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + name + "\nspec:\n" + spec
}

const course = "apiVersion: carrel.dev/v1alpha1\nkind: Course\nmetadata:\n  name: prog1\nspec:\n  templateName: ide\n"

const withRoster = course + "  rosters:\n    - configMap: roster\n"

const kustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [course.yaml]
configMapGenerator:
  - name: roster
    files: [roster.csv]
`

func template(image string) string {
	return "apiVersion: carrel.dev/v1alpha1\nkind: Template\nmetadata:\n  name: ide\nspec:\n  template:\n    spec:\n      containers:\n        - name: ide\n          image: " + image + "\n"
}

// events runs the query with and without the git program, and demands equal
// answers.
func events(t *testing.T, directory string, q history.Query) []history.Event {
	t.Helper()
	var answers [][]history.Event
	for _, program := range []bool{true, false} {
		r, err := history.Open(directory, program)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if q.From, err = r.Resolve("HEAD"); err != nil {
			t.Fatal(err)
		}
		found, err := r.Events(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, found)
	}
	if difference := cmp.Diff(lines(answers[0]), lines(answers[1])); difference != "" {
		t.Fatalf("the git program and go-git tell different stories (-program +go-git):\n%s", difference)
	}
	return answers[0]
}

// lines returns events in short form.
func lines(all []history.Event) (text []string) {
	for _, e := range all {
		line := e.Hash[:7] + " " + e.Kind
		if e.Carrel != nil {
			line += fmt.Sprintf(" %s/%s %t %q", e.Carrel.User, e.Carrel.Template, e.Carrel.Enabled, e.Carrel.Section)
		}
		for _, c := range e.Changes {
			line += fmt.Sprintf(" %s:%s->%s", c.Field, c.From, c.To)
		}
		text = append(text, line)
	}
	return text
}

func TestWhyFollowsFromFileToRowToOtherRosterAndDirectory(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog-1/roster/course.yaml", course)
	s.write("courses/prog-1/templates/kustomization.yaml", "resources: [../../base/ide]\n")
	s.write("courses/base/ide/kustomization.yaml", "resources: [template.yaml]\n")
	s.write("courses/base/ide/template.yaml", template("ide:1"))
	s.write("courses/prog-1/roster/students/yuki.yaml", userland("yuki", "  user: yuki@example.ac.jp\n"))
	first := s.commit("Begin the course")
	s.git("mv", "courses/prog-1", "courses/prog1")
	moved := s.commit("Rename the course")
	s.write("courses/base/ide/template.yaml", template("ide:2"))
	image := s.commit("Take ide:2")
	s.git("checkout", "--quiet", "-b", "csv")
	s.git("rm", "--quiet", students+"yuki.yaml")
	s.write(rows, "user,section,enabled\nyuki@example.ac.jp,a,\n")
	s.write("courses/prog1/roster/course.yaml", withRoster)
	s.write("courses/prog1/roster/kustomization.yaml", kustomization)
	s.commit("Make the class a roster")
	s.git("checkout", "--quiet", "main")
	s.git("merge", "--quiet", "--no-ff", "--message=Merge pull request #12 from mori/csv\n\nMake the class one file", "csv")
	merged := s.git("rev-parse", "HEAD")
	s.git("mv", rows, "courses/prog1/roster/2026.csv")
	s.write("courses/prog1/roster/kustomization.yaml", strings.Replace(kustomization, "[roster.csv]", "[2026.csv]", 1))
	renamed := s.commit("Name the roster after the year")
	s.write("courses/prog1/roster/2026.csv", "user,section,enabled\n\nyuki@example.ac.jp,a,no\n")
	stopped := s.commit("Stop one")
	s.write("courses/prog1/roster/2026.csv", "user,section,enabled\nyuki@example.ac.jp,a,perhaps\n")
	s.commit("Break the roster")
	s.write("courses/prog1/roster/2026.csv", "user,section,enabled\n")
	removed := s.commit("Drop one (!77)")

	found := events(t, s.directory, history.Query{Course: "prog1", Student: "yuki"})
	want := []string{
		first[:7] + ` added yuki@example.ac.jp/ide true ""`,
		moved[:7] + ` moved yuki@example.ac.jp/ide true "" file:courses/prog-1/roster/students/yuki.yaml->` + students + "yuki.yaml",
		merged[:7] + ` changed yuki@example.ac.jp/ide true "a" section:->a userland:yuki->yuki-example-ac-jp-` + found[2].Carrel.Userland[len("yuki-example-ac-jp-"):] + " file:" + students + "yuki.yaml->" + rows,
		renamed[:7] + ` moved yuki@example.ac.jp/ide true "a" file:` + rows + "->courses/prog1/roster/2026.csv",
		stopped[:7] + ` changed yuki@example.ac.jp/ide false "a" enabled:true->false`,
		removed[:7] + ` removed yuki@example.ac.jp/ide false "a"`,
	}
	if difference := cmp.Diff(want, lines(found)); difference != "" {
		t.Errorf("what became of yuki (-want +got):\n%s", difference)
	}
	if e := found[2]; e.Request != "#12" || e.Subject != "Make the class one file" || e.Template.Commit != image || e.Template.Images[0] != "ide:2" {
		t.Errorf("the merge is told as %q of %q, with %v", e.Subject, e.Request, e.Template)
	}
	if e := found[5]; e.Request != "!77" {
		t.Errorf("the squashed request is told as %q", e.Request)
	}
	if stops := events(t, s.directory, history.Query{Course: "prog1", Student: "YUKI@example.ac.jp", Field: "enabled"}); len(stops) != 3 {
		t.Errorf("of the field enabled alone is told: %v", lines(stops))
	}
}

func TestTakenOverUserlandKeepsItsName(t *testing.T) {
	s := newScratch(t)
	file := strings.Replace(userland("yuki", "  user: Yuki\n"), "name: yuki\n", "name: yuki\n  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}\n", 1)
	s.write("courses/prog1/roster/course.yaml", withRoster)
	s.write("courses/prog1/roster/kustomization.yaml", strings.Replace(kustomization, "course.yaml", "course.yaml, yuki.yaml", 1))
	s.write("courses/prog1/roster/yuki.yaml", file)
	s.write(rows, "user\nYuki\n")
	s.commit("Both")
	s.git("rm", "--quiet", "courses/prog1/roster/yuki.yaml")
	s.write("courses/prog1/roster/kustomization.yaml", kustomization)
	s.commit("The row alone")
	s.write(rows, "user,section\nYuki,b\n")
	s.commit("Another section")
	found := events(t, s.directory, history.Query{Course: "prog1", Student: "Yuki"})
	if len(found) != 3 || found[1].Kind != history.Moved || found[2].Carrel.Userland != "yuki" {
		t.Errorf("a row that takes a Userland over is told as %v", lines(found))
	}
}

// A row of another Template takes the Userland over, as the Course does. With Since, only
// later events are told, and they are the same.
func TestMovedCarrelKeepsItsName(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/course.yaml", withRoster)
	s.write("courses/prog1/roster/kustomization.yaml", kustomization)
	for _, row := range []string{"Yuki,", "Yuki,database", "Yuki,web", "Yuki,web\nYuki,"} {
		s.write(rows, "user,template\n"+row+"\n")
		s.commit(row)
	}
	all := events(t, s.directory, history.Query{Course: "prog1", Student: "Yuki"})
	if len(all) != 4 {
		t.Fatalf("told is %v", lines(all))
	}
	for _, e := range all[:3] {
		if want := all[0].Carrel.Userland; e.Carrel.Userland != want {
			t.Errorf("the carrel is called %s, want %s", e.Carrel.Userland, want)
		}
	}
	late := events(t, s.directory, history.Query{Course: "prog1", Student: "Yuki", Since: all[2].Time})
	if diff := cmp.Diff(lines(all[2:]), lines(late)); diff != "" {
		t.Errorf("since %s (-all +since):\n%s", all[2].Time, diff)
	}
}

func TestPatchesOfOverlaysAreTold(t *testing.T) {
	s := newScratch(t)
	s.write("courses/base/class/kustomization.yaml", "resources: [course.yaml, yuki.yaml]\n")
	s.write("courses/base/class/course.yaml", course)
	s.write("courses/base/class/yuki.yaml", userland("yuki", "  section: a\n"))
	s.write("courses/prog1/roster/kustomization.yaml", "resources: [../../base/class]\n")
	s.commit("Begin")
	s.write("courses/prog1/roster/kustomization.yaml", "resources: [../../base/class]\npatches:\n  - target: {kind: Userland}\n    patch: |\n      - {op: add, path: /spec/enabled, value: false}\n")
	s.commit("Stop all")
	s.write("courses/base/class/yuki.yaml", userland("yuki", "  section: b\n"))
	s.commit("Another section, in the base")
	want := []string{"added", "changed enabled:true->false", "changed section:a->b"}
	var got []string
	for _, e := range events(t, s.directory, history.Query{Course: "prog1", Student: "yuki"}) {
		line := e.Kind
		for _, c := range e.Changes {
			line += " " + c.Field + ":" + c.From + "->" + c.To
		}
		got = append(got, line)
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

func TestNothingIsFetched(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/kustomization.yaml", "resources: [course.yaml, 'https://127.0.0.1:1/base?ref=main']\npatches: [{path: 'http://127.0.0.1:1/patch.yaml'}]\n")
	s.write("courses/prog1/roster/course.yaml", course)
	s.commit("Begin")
	found := events(t, s.directory, history.Query{Course: "prog1"})
	if len(found) != 1 || found[0].Kind != history.Unreadable || !strings.Contains(strings.Join(found[0].Problems, "\n"), "remote files are refused") {
		t.Errorf("a remote base is told as %v %v", lines(found), found[0].Problems)
	}
}

func TestShallowCloneSaysSo(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/course.yaml", course)
	s.write(students+"yuki.yaml", userland("yuki", "  section: a\n"))
	s.commit("Begin")
	s.write(students+"rin.yaml", userland("rin", "  section: a\n"))
	s.commit("Another")
	clone := t.TempDir()
	s.git("clone", "--quiet", "--depth=1", "file://"+s.directory, clone)
	found := events(t, clone, history.Query{Course: "prog1", Student: "yuki"})
	var text bytes.Buffer
	if err := history.WriteEvents(&text, "text", found); err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || !found[0].Edge || !strings.Contains(text.String(), "the clone ends at this commit") {
		t.Errorf("at the edge of a shallow clone is told:\n%s", text.String())
	}
}

// TestUnreadableRosterRemovesNobody checks that an invalid roster is reported as
// unreadable, and that nobody counts as removed.
func TestUnreadableRosterRemovesNobody(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"an empty file, as another that is a manifest": {rows: "", "courses/prog1/roster/kustomization.yaml": strings.Replace(kustomization, "course.yaml", "course.yaml, later.yaml", 1), "courses/prog1/roster/later.yaml": ""},
		"the course's Template named":                  {rows: "user,template\nyuki,\nyuki,ide\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScratch(t)
			s.write("courses/prog1/roster/course.yaml", withRoster)
			s.write("courses/prog1/roster/kustomization.yaml", kustomization)
			s.write(rows, "user\nyuki\n")
			s.commit("Begin")
			for name, text := range files {
				s.write(name, text)
			}
			s.commit("Break it")
			found := events(t, s.directory, history.Query{Course: "prog1"})
			if len(found) != 2 || found[1].Kind != history.Unreadable {
				t.Errorf("got events %q, want one that the class could not be read", lines(found))
			}
		})
	}
}

// printAt prints the class at HEAD.
func printAt(t *testing.T, directory, format string) (string, error) {
	t.Helper()
	r, err := history.Open(directory, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head, err := r.Resolve("HEAD")
	if err != nil {
		t.Fatal(err)
	}
	class, err := r.At(head, "prog1", history.DefaultLayout)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = history.WriteSnapshots(&out, format, []history.Snapshot{class})
	return out.String(), err
}

// TestAtWhatCouldNotBeRead checks that At does not list a class that the cluster
// did not apply.
func TestAtWhatCouldNotBeRead(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/course.yaml", withRoster)
	s.write("courses/prog1/roster/kustomization.yaml", kustomization)
	s.write(rows, "user,enabled\nyuki,perhaps\nrin,\n")
	s.commit("Begin")
	const why = "prog1: the class could not be read then"
	for format, want := range map[string]string{"text": why, "json": `"carrels": [],`, "csv": "course,user,"} {
		out, err := printAt(t, s.directory, format)
		if !strings.Contains(out, want) || strings.Contains(out, "rin") {
			t.Errorf("as %s it is told as\n%s", format, out)
		}
		if format == "csv" && (err == nil || !strings.Contains(err.Error(), why)) || format != "csv" && err != nil {
			t.Errorf("as %s: %v", format, err)
		}
	}
	s.write(rows, "user,enabled\n")
	s.commit("Mend it")
	if out, err := printAt(t, s.directory, "json"); err != nil || !strings.Contains(out, `"carrels": []`) {
		t.Errorf("a class of nobody is %s, %v", out, err)
	}
}

// TestDaysAreLocal checks that days are in the reader's time zone, as in carrel at.
func TestDaysAreLocal(t *testing.T) {
	before := time.Local
	t.Cleanup(func() { time.Local = before })
	e := history.Event{Commit: history.Commit{Hash: strings.Repeat("0", 40), Time: time.Date(2026, 10, 1, 20, 0, 0, 0, time.UTC)}, Kind: history.Unreadable}
	for hours, want := range map[int]string{-10: "2026-10-01 ", 0: "2026-10-01 ", 9: "2026-10-02 "} {
		time.Local = time.FixedZone("here", hours*60*60)
		var out bytes.Buffer
		if err := history.WriteEvents(&out, "text", []history.Event{e}); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(out.String(), want) {
			t.Errorf("%d hours from Greenwich the day is told as %q, want %q", hours, out.String()[:11], want)
		}
	}
}

func TestBareRepositoryTellsTheSame(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/course.yaml", course)
	s.write(students+"yuki.yaml", userland("yuki", "  section: a\n"))
	s.commit("Begin")
	bare := filepath.Join(t.TempDir(), "courses.git")
	s.git("clone", "--quiet", "--bare", s.directory, bare)
	q := history.Query{Course: "prog1"}
	if difference := cmp.Diff(lines(events(t, s.directory, q)), lines(events(t, bare, q))); difference != "" {
		t.Errorf("(-clone +bare):\n%s", difference)
	}
}

func TestReadingWritesNothing(t *testing.T) {
	s := newScratch(t)
	s.write("courses/prog1/roster/course.yaml", course)
	for i := range 5 {
		s.write(students+fmt.Sprintf("s%d.yaml", i), userland(fmt.Sprintf("s%d", i), "  section: a\n"))
		s.commit("One more")
	}
	s.git("gc", "--quiet")
	before := contentOf(t, s.directory)
	events(t, s.directory, history.Query{Course: "prog1"})
	if after := contentOf(t, s.directory); before != after {
		t.Error("reading the history wrote to the repository")
	}
}

// contentOf returns a digest of all files and their modification times.
func contentOf(t *testing.T, directory string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(directory, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(sum, p, info.ModTime().UnixNano(), info.Mode())
		if d.IsDir() {
			return nil
		}
		file, err := os.Open(p)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(sum, file)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// TestAgainstOracle generates histories with every kind of commit that git knows.
// It compares the events with `git show` of each commit, read by code that shares
// nothing with the package.
func TestAgainstOracle(t *testing.T) {
	if testing.Short() {
		t.Skip("runs git many hundred times")
	}
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newScratch(t)
			random := rand.New(rand.NewPCG(seed, 7))
			generate(s, random)
			want := oracle(s)
			got := lines(events(t, s.directory, history.Query{Course: "prog1"}))
			got = slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, " unreadable") })
			for i, l := range got {
				got[i], _, _ = strings.Cut(l, " file:")
			}
			got = slices.DeleteFunc(got, func(l string) bool { return strings.Contains(l, " moved ") })
			if difference := cmp.Diff(want, got); difference != "" {
				t.Errorf("(-oracle +ours):\n%s", difference)
			}
			if len(got) < 20 {
				t.Errorf("only %d events came of the history", len(got))
			}
		})
	}
}

// generate makes commits on branches and joins them: ordinary, octopus and
// criss-cross merges, reverts, cherry-picks and renames.
func generate(s *scratch, random *rand.Rand) {
	s.write("courses/prog1/roster/course.yaml", withRoster)
	s.write("courses/prog1/roster/kustomization.yaml", kustomization)
	s.write(rows, "user,section,enabled\n")
	s.commit("Begin")
	for i := range 60 {
		branch := fmt.Sprintf("b%d", i)
		switch random.IntN(8) {
		case 0, 1:
			mutate(s, random)
		case 2, 3:
			s.git("checkout", "--quiet", "-b", branch)
			mutate(s, random)
			mutate(s, random)
			s.git("checkout", "--quiet", "main")
			mutate(s, random)
			s.merge(branch)
		case 4:
			if _, err := s.try("revert", "--no-edit", "-m1", "HEAD"); err != nil {
				_, _ = s.try("revert", "--abort")
				if out, err := s.try("revert", "--no-edit", "HEAD"); err != nil {
					_, _ = s.try("revert", "--abort")
					s.t.Log("nothing to revert:", out)
				}
			}
		case 5:
			s.git("checkout", "--quiet", "-b", branch)
			mutate(s, random)
			s.git("checkout", "--quiet", "main")
			if _, err := s.try("cherry-pick", branch); err != nil {
				_, _ = s.try("cherry-pick", "--abort")
			}
			s.merge(branch)
		case 6: // octopus: files that nobody else touches
			s.git("branch", branch+"x")
			s.git("checkout", "--quiet", "-b", branch)
			s.write("notes/"+branch, "x")
			s.commit("A note")
			s.git("checkout", "--quiet", branch+"x")
			mutate(s, random)
			s.git("checkout", "--quiet", "main")
			s.write("notes/main"+branch, "x")
			s.commit("Another note")
			s.merge(branch, branch+"x")
		case 7: // criss-cross
			s.git("checkout", "--quiet", "-b", branch)
			mutate(s, random)
			s.git("checkout", "--quiet", "main")
			mutate(s, random)
			tip := s.git("rev-parse", "main")
			s.merge(branch)
			s.git("checkout", "--quiet", branch)
			s.merge(tip)
			mutate(s, random)
			s.git("checkout", "--quiet", "main")
			s.merge(branch)
		}
	}
}

// merge merges branches. Where they conflict, it takes either side.
func (s *scratch) merge(branches ...string) {
	arguments := []string{"merge", "--quiet", "--no-ff", "--message=Merge " + strings.Join(branches, ", ")}
	if len(branches) == 1 {
		arguments = append(arguments, "-Xours")
	}
	if _, err := s.try(append(arguments, branches...)...); err != nil {
		if _, err := s.try("merge", "--abort"); err != nil {
			s.git("reset", "--quiet", "--hard")
		}
	}
}

// mutate changes the roster at random, and sometimes its name.
func mutate(s *scratch, random *rand.Rand) {
	name := "roster.csv"
	content, _ := os.ReadFile(filepath.Join(s.directory, "courses/prog1/roster/kustomization.yaml"))
	if strings.Contains(string(content), "other.csv") {
		name = "other.csv"
	}
	p := "courses/prog1/roster/" + name
	text, err := os.ReadFile(filepath.Join(s.directory, p))
	if err != nil {
		return // a merge of two renames left neither
	}
	all := strings.Split(strings.TrimSpace(string(text)), "\n")
	switch at := random.IntN(len(all)); {
	case random.IntN(12) == 0:
		to := map[string]string{"roster.csv": "other.csv", "other.csv": "roster.csv"}[name]
		s.git("mv", p, "courses/prog1/roster/"+to)
		s.write("courses/prog1/roster/kustomization.yaml", strings.Replace(kustomization, "roster.csv", to, 1))
	case random.IntN(3) == 0 && at > 0:
		all = slices.Delete(all, at, at+1)
		s.write(p, strings.Join(all, "\n")+"\n")
	case random.IntN(2) == 0 && at > 0:
		user, _, _ := strings.Cut(all[at], ",")
		all[at] = fmt.Sprintf("%s,%c,%t", user, 'a'+random.IntN(3), random.IntN(2) == 0)
		s.write(p, strings.Join(all, "\n")+"\n")
	default:
		all = slices.Insert(all, at+1, fmt.Sprintf("u%03d,%c,%t", random.IntN(1000), 'a'+random.IntN(3), random.IntN(2) == 0))
		s.write(p, strings.Join(all, "\n")+"\n")
	}
	s.commit("Change the roster")
}

// oracle reads each commit on its own.
func oracle(s *scratch) (events []string) {
	before := map[string]string{}
	for _, hash := range strings.Fields(s.git("rev-list", "--reverse", "--first-parent", "HEAD")) {
		now, readable := oracleClass(s, hash)
		if !readable {
			continue
		}
		users := map[string]bool{}
		for user := range before {
			users[user] = true
		}
		for user := range now {
			users[user] = true
		}
		var sorted []string
		for user := range users {
			sorted = append(sorted, user)
		}
		slices.Sort(sorted)
		for _, user := range sorted {
			if line := oracleLine(user, before[user], now[user]); line != "" {
				events = append(events, hash[:7]+" "+line)
			}
		}
		before = now
	}
	return events
}

func oracleLine(user, was, is string) string {
	section, enabled, _ := strings.Cut(is, ",")
	if is == "" {
		section, enabled, _ = strings.Cut(was, ",")
	}
	line := fmt.Sprintf(" %s/ide %s %q", user, enabled, section)
	switch {
	case was == is:
		return ""
	case was == "":
		return "added" + line
	case is == "":
		return "removed" + line
	}
	wasSection, wasEnabled, _ := strings.Cut(was, ",")
	line = "changed" + line
	if wasEnabled != enabled {
		line += " enabled:" + wasEnabled + "->" + enabled
	}
	if wasSection != section {
		line += " section:" + wasSection + "->" + section
	}
	return line
}

func oracleClass(s *scratch, hash string) (class map[string]string, readable bool) {
	class = map[string]string{}
	k, err := s.try("show", hash+":courses/prog1/roster/kustomization.yaml")
	if err != nil {
		return class, true
	}
	name := "roster.csv"
	if strings.Contains(k, "[other.csv]") {
		name = "other.csv"
	}
	text, err := s.try("show", hash+":courses/prog1/roster/"+name)
	if err != nil {
		return nil, false
	}
	for _, line := range strings.Split(text, "\n")[1:] {
		user, rest, _ := strings.Cut(line, ",")
		if _, twice := class[user]; twice {
			return nil, false
		}
		class[user] = rest
	}
	return class, true
}
