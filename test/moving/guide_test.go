package moving

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// section is a section of a guide with its commands.
type section struct {
	title  string
	blocks []string
}

var (
	heading = regexp.MustCompile(`(?m)^## (.*)$`)
	block   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
)

// guide returns the sections of a guide that contain commands.
func guide(t *testing.T) (sections []section) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "docs", "moving.md"))
	if err != nil {
		t.Fatal(err)
	}
	headings := heading.FindAllSubmatchIndex(text, -1)
	for i, at := range headings {
		end := len(text)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		s := section{title: string(text[at[2]:at[3]])}
		for _, found := range block.FindAllSubmatch(text[at[1]:end], -1) {
			s.blocks = append(s.blocks, string(found[1]))
		}
		sections = append(sections, s)
	}
	return sections
}

// shell runs commands as a person with the programs installed would.
type shell struct {
	*testing.T
	directory   string
	environment []string
}

// newShell returns a shell with kubectl, for the tests' API server, and carrel.
func newShell(t *testing.T, kubeconfig string) *shell {
	t.Helper()
	programs := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", programs, "./cmd/carrel")
	build.Dir = apiserver.Root()
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build carrel: %v\n%s", err, out)
	}
	directory := t.TempDir()
	if err := os.CopyFS(filepath.Join(directory, "courses", "prog1"), os.DirFS(filepath.Join("testdata", "prog1"))); err != nil {
		t.Fatal(err)
	}
	path := strings.Join([]string{programs, os.Getenv("KUBEBUILDER_ASSETS"), os.Getenv("PATH")}, string(os.PathListSeparator))
	return &shell{T: t, directory: directory, environment: append(os.Environ(), "PATH="+path, "KUBECONFIG="+kubeconfig, "HOME="+directory)}
}

// run runs commands and returns their standard output.
func (s *shell) run(commands string) string {
	s.Helper()
	var out, complaints bytes.Buffer
	command := exec.CommandContext(s.Context(), "bash", "-euo", "pipefail", "-c", commands)
	command.Dir, command.Env, command.Stdout, command.Stderr = s.directory, s.environment, &out, &complaints
	err := command.Run()
	s.Logf("$ %s\n%s%s", strings.TrimSpace(commands), out.String(), complaints.String())
	if err != nil {
		s.Fatalf("the guide's commands fail: %v", err)
	}
	return out.String()
}
