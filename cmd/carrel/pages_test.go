package main

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what the commands print into the pages")

// session matches a session of commands in a page.
var session = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// TestPages runs the sessions of commands in the pages, in order, in a copy of this
// repository's courses. It compares what the commands print with the page.
func TestPages(t *testing.T) {
	for _, page := range []string{"roster-command.md", "plan.md"} {
		t.Run(page, func(t *testing.T) {
			path, err := filepath.Abs(filepath.Join("../../docs", page))
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !session.Match(text) {
				t.Fatal("the page has no session of commands")
			}
			dir, _ := cloned(t)
			for name, content := range map[string]string{
				"participants.csv": "First name,Last name,Email address,Groups,Roles\nYuki,Sato,24T0104@example.ac.jp,a,Student\nRen,Ito,24T0107@example.ac.jp,b,Student\nHana,Mori,mori@example.ac.jp,,Teacher\n",
				"sheet.csv":        "Login,Name,Section\n24T0109@example.ac.jp,Abe Mei,b\n",
			} {
				if err := os.WriteFile(filepath.Join(dir, ".git", name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(dir)
			for _, of := range []string{"AUTHOR", "COMMITTER"} {
				t.Setenv("GIT_"+of+"_NAME", "Hana Mori")
				t.Setenv("GIT_"+of+"_EMAIL", "mori@example.ac.jp")
			}
			printed := session.ReplaceAllFunc(text, func(block []byte) []byte {
				var out strings.Builder
				for line := range strings.Lines(string(block)) {
					if command, is := strings.CutPrefix(line, "$ "); is {
						out.WriteString(line + printedBy(t, strings.TrimSpace(command)))
					}
				}
				return []byte("```console\n" + out.String() + "```")
			})
			if *update {
				if err := os.WriteFile(path, printed, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(undated(string(text)), undated(string(printed))); diff != "" {
				t.Errorf("the commands print something else (-page +printed; -update writes it):\n%s", diff)
			}
		})
	}
}

// dates matches what depends on the day on which a command runs.
var dates = regexp.MustCompile(`\d{4}-\d\d-\d\d|fullest session, .*`)

// undated replaces dates, and blanks that line up columns.
func undated(text string) string { return dates.ReplaceAllString(text, "DATE") }

// words matches the words of a command. A word may have quoted parts.
var words = regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`)

// printedBy runs a command of a page and returns what it prints. It knows carrel, git and
// reading from a file.
func printedBy(t *testing.T, line string) string {
	t.Helper()
	line, from, reads := strings.Cut(line, " < ")
	arguments := words.FindAllString(line, -1)
	for i, word := range arguments {
		arguments[i] = strings.ReplaceAll(word, `"`, "")
		if _, err := os.Stat(filepath.Join(".git", arguments[i])); err == nil && strings.HasSuffix(arguments[i], ".csv") {
			arguments[i] = filepath.Join(".git", arguments[i])
		}
	}
	var out bytes.Buffer
	var err error
	switch arguments[0] {
	case "carrel":
		command := newCommand()
		command.SetArgs(arguments[1:])
		command.SetOut(&out)
		if reads {
			input, err := os.ReadFile(filepath.Join(".git", from))
			if err != nil {
				t.Fatal(err)
			}
			command.SetIn(bytes.NewReader(input))
		}
		err = command.ExecuteContext(t.Context())
	case "git":
		command := exec.Command("git", arguments[1:]...)
		command.Stdout, command.Stderr = &out, &out
		err = command.Run()
	default:
		t.Fatalf("%q is neither carrel nor git", line)
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", line, err, out.String())
	}
	return out.String()
}
