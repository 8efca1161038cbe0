package story

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeCluster returns a repository whose devcluster only records its commands. The command
// "status" succeeds if the cluster is up.
func fakeCluster(t *testing.T, up bool) (root string, commands func() []string) {
	t.Helper()
	root = t.TempDir()
	status := "1"
	if up {
		status = "0"
	}
	log := filepath.Join(root, "log")
	script := "#!/bin/sh\necho $1 >>" + log + "\ntest $1 != status || exit " + status + "\n"
	if err := os.Mkdir(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin", "devcluster"), []byte(script), 0o755); err != nil { //nolint:gosec // it is a program
		t.Fatal(err)
	}
	return root, func() []string {
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(text))
	}
}

func TestAProgramStopsWhatItStarted(t *testing.T) {
	failure := errors.New("the second act failed")
	for _, test := range []struct {
		name      string
		up, joins bool
		fails     error
		acts      []string
		commands  []string
		wants     string
	}{
		{name: "all went well", acts: []string{"first", "second", "third", "stopped"}, commands: []string{"status", "down"}},
		{name: "an act failed", fails: failure, acts: []string{"first", "second", "stopped"}, commands: []string{"status", "down"}, wants: "2. second: " + failure.Error()},
		{name: "somebody else's cluster", up: true, commands: []string{"status"}, wants: "a cluster is up already"},
		{name: "it joins the demo", up: true, joins: true, acts: []string{"first", "second", "third", "stopped"}, commands: []string{"status"}},
		{name: "there is no demo", joins: true, commands: []string{"status"}, wants: "no demo is running"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root, commands := fakeCluster(t, test.up)
			var played []string
			var dir string
			act := func(name string, err error) Act {
				return Act{Title: name, Do: func(context.Context) error {
					played = append(played, name)
					return err
				}}
			}
			err := Program{Name: "test", Joins: test.joins, Acts: func(s *Stage) []Act {
				dir = s.Dir
				s.AtEnd(func(context.Context) error {
					played = append(played, "stopped")
					return nil
				})
				return []Act{act("first", nil), act("second", test.fails), act("third", nil)}
			}}.run(t.Context(), root, io.Discard, io.Discard)
			if (err == nil) != (test.wants == "") || err != nil && !strings.Contains(err.Error(), test.wants) {
				t.Errorf("error %v, want %q", err, test.wants)
			}
			if diff := cmp.Diff(test.acts, played); diff != "" {
				t.Errorf("acts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.commands, commands()); diff != "" {
				t.Errorf("commands of devcluster (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(dir); dir != "" && !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the directory of the program is left behind (%v)", err)
			}
		})
	}
}

func TestAnInterruptedProgramStopsItsCluster(t *testing.T) {
	root, commands := fakeCluster(t, false)
	ctx, interrupt := context.WithCancel(t.Context())
	err := Program{Name: "test", Acts: func(*Stage) []Act {
		return []Act{{Title: "waits", Do: func(ctx context.Context) error {
			interrupt()
			<-ctx.Done()
			return ctx.Err()
		}}}
	}}.run(ctx, root, io.Discard, io.Discard)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that it was interrupted", err)
	}
	if diff := cmp.Diff([]string{"status", "down"}, commands()); diff != "" {
		t.Errorf("commands of devcluster (-want +got):\n%s", diff)
	}
}

func TestAProgramPrintsTheDurationsOfItsActs(t *testing.T) {
	root, _ := fakeCluster(t, false)
	var out bytes.Buffer
	err := Program{Name: "test", Acts: func(s *Stage) []Act {
		return []Act{
			{Title: "One", Do: func(context.Context) error { s.Say("%d students", 3); return nil }},
			{Title: "Two", Do: func(context.Context) error { return errors.New("no") }},
		}
	}}.run(t.Context(), root, &out, io.Discard)
	if err == nil {
		t.Fatal("a failed act is no error")
	}
	want := regexp.MustCompile(`^
1\. One
 +[0-9.]+s  3 students

2\. Two

 +\d+s  One
 +\d+s  Two
 +\d+s  in all, on \d+ cores \(.*\)
$`)
	if !want.Match(out.Bytes()) {
		t.Errorf("printed:\n%s", out.String())
	}
}
