package history_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/carrel-dev/carrel/gitops/history"
)

// TestYearsThatJSONCannotHold checks that a commit of any time loses nothing of the rest.
func TestYearsThatJSONCannotHold(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"course.yaml":        "apiVersion: carrel.dev/v1alpha1\nkind: Course\nmetadata: {name: c}\nspec: {templateName: ide, rosters: [{configMap: roster}]}\n",
		"kustomization.yaml": "resources: [course.yaml]\nconfigMapGenerator: [{name: roster, files: [roster.csv]}]\n", "roster.csv": "user\nrin\n",
	} {
		path := filepath.Join(dir, "courses/c/roster", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, arguments := range [][]string{{"init", "--quiet"}, {"add", "--all"}, {"-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "--quiet", "-m", "x"}} {
		command := exec.Command("git", arguments...)
		command.Dir, command.Env = dir, append(os.Environ(), "GIT_COMMITTER_DATE=@300000000000 +0000")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", arguments, err, out)
		}
	}
	repository, err := history.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer repository.Close()
	from, err := repository.Resolve("HEAD")
	if err != nil {
		t.Fatal(err)
	}
	events, err := repository.Events(t.Context(), history.Query{Course: "c", From: from})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	var out bytes.Buffer
	if err := history.WriteEvents(&out, "json", events); err != nil || !json.Valid(out.Bytes()) {
		t.Errorf("%v, %s", err, out.String())
	}
}
