// Command why compares carrel's walk through history with git's own. It generates a
// repository of many courses and commits.
//
//	go run ./test/bench/gitops/why
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/carrel-dev/carrel/gitops/history"
)

func main() {
	commits := flag.Int("commits", 10_000, "how many commits")
	courses := flag.Int("courses", 200, "how many courses")
	rounds := flag.Int("rounds", 5, "how often each is run; the median of processor time is told")
	flag.Parse()
	if err := run(*commits, *courses, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(commits, courses, rounds int) error {
	directory, err := os.MkdirTemp("", "carrel-why-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	if err := makeRepository(directory, commits, courses); err != nil {
		return err
	}
	plain := func() (int, error) {
		out, err := git(directory, nil, "log", "--first-parent", "--format=%H", "--", "courses/c007/roster")
		return strings.Count(out, "\n"), err
	}
	var base time.Duration
	for _, arm := range []struct {
		name string
		do   func() (int, error)
	}{
		{"git log --first-parent -- path", plain},
		{"why, git program", func() (int, error) { return why(directory, true) }},
		{"why, go-git alone", func() (int, error) { return why(directory, false) }},
	} {
		took, count, err := median(rounds, arm.do)
		if err != nil {
			return fmt.Errorf("%s: %w", arm.name, err)
		}
		if base == 0 {
			base = took
		}
		fmt.Printf("%-32s %8.1f ms  %5.2f x  %d found\n", arm.name, float64(took.Microseconds())/1000, float64(took)/float64(base), count)
	}
	return nil
}

func median(rounds int, do func() (int, error)) (time.Duration, int, error) {
	var all []time.Duration
	count := 0
	for range rounds {
		begin := processor()
		n, err := do()
		if err != nil {
			return 0, 0, err
		}
		all, count = append(all, processor()-begin), n
	}
	slices.Sort(all)
	return all[len(all)/2], count, nil
}

// processor returns the processor time of this process and of the children it
// waited for. Other work on the machine does not change it.
func processor() (total time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var used syscall.Rusage
		if syscall.Getrusage(who, &used) == nil {
			total += time.Duration(used.Utime.Nano() + used.Stime.Nano())
		}
	}
	return total
}

func why(directory string, program bool) (int, error) {
	repository, err := history.Open(directory, program)
	if err != nil {
		return 0, err
	}
	defer repository.Close()
	from, err := repository.Resolve("HEAD")
	if err != nil {
		return 0, err
	}
	events, err := repository.Events(context.Background(), history.Query{Course: "c007", From: from, Student: "s0005"})
	return len(events), err
}

func git(directory string, input io.Reader, arguments ...string) (string, error) {
	command := exec.Command("git", arguments...)
	command.Dir, command.Stdin = directory, input
	out, err := command.Output()
	return string(out), err
}

// students is the number of students with which each course begins.
const students = 300

// makeRepository creates a repository in which each commit changes one row of one
// course, in turn.
func makeRepository(directory string, commits, courses int) error {
	var b bytes.Buffer
	rows := make([][]string, courses)
	file := func(name, text string) { fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text) }
	begin := func(i int, message string) {
		fmt.Fprintf(&b, "commit refs/heads/main\ncommitter Bench <bench@example.org> %d +0000\ndata %d\n%s\n", 1_700_000_000+60*i, len(message), message)
	}
	begin(0, "Begin")
	for c := range courses {
		directory := fmt.Sprintf("courses/c%03d/", c)
		rows[c] = []string{"user,section,enabled"}
		for s := range students {
			rows[c] = append(rows[c], fmt.Sprintf("s%04d,a,true", s))
		}
		file(directory+"roster/course.yaml", fmt.Sprintf("apiVersion: carrel.dev/v1alpha1\nkind: Course\nmetadata:\n  name: c%03d\nspec:\n  templateName: ide\n  rosters:\n    - configMap: roster\n", c))
		file(directory+"roster/kustomization.yaml", "resources: [course.yaml]\nconfigMapGenerator:\n  - name: roster\n    files: [roster.csv]\n")
		file(directory+"roster/roster.csv", strings.Join(rows[c], "\n")+"\n")
		file(directory+"templates/kustomization.yaml", "resources: [template.yaml]\n")
		file(directory+"templates/template.yaml", "apiVersion: carrel.dev/v1alpha1\nkind: Template\nmetadata:\n  name: ide\n")
	}
	for i := 1; i < commits; i++ {
		c := i % courses
		student := i / courses % 20
		rows[c][1+student] = fmt.Sprintf("s%04d,%c,%t", student, 'a'+i/courses%7, i/courses%3 == 0)
		begin(i, fmt.Sprintf("Change a row (#%d)", i))
		file(fmt.Sprintf("courses/c%03d/roster/roster.csv", c), strings.Join(rows[c], "\n")+"\n")
	}
	if out, err := git(directory, nil, "init", "--quiet", "--initial-branch=main"); err != nil {
		return fmt.Errorf("make a repository: %w %s", err, out)
	}
	if out, err := git(directory, &b, "fast-import", "--quiet"); err != nil {
		return fmt.Errorf("fill the repository: %w %s", err, out)
	}
	// Repack into one pack of deltas, as in a clone.
	_, err := git(directory, nil, "repack", "-a", "-d", "-q", "-f")
	return err
}
