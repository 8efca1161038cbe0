package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	rosteredit "github.com/carrel-dev/carrel/gitops/edit"
)

// TestRosterSaysWhatWasChanged checks that the error of a failed change names the
// files that were written.
func TestRosterSaysWhatWasChanged(t *testing.T) {
	dir := filepath.Join(campus(t, "", "", ""), "courses/prog1/roster")
	if _, err := carrel(t, "roster", "remove", "prog1", "26t0001", "nobody", "--directory", dir); err == nil || !strings.HasPrefix(err.Error(), "nothing was changed") {
		t.Errorf("removing nobody: %v", err)
	}
	class, err := rosteredit.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := class.Remove([]string{"26t0001", "kai"}, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "students/kai.yaml")); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = save(class, &out)
	if err == nil || strings.Contains(err.Error(), "nothing was changed") || !strings.Contains(err.Error(), "roster.csv") || !strings.Contains(out.String(), "roster.csv") {
		t.Errorf("half of it done is told as %v\n%s", err, out.String())
	}
}

func TestRosterOfOneFile(t *testing.T) {
	dir := filepath.Join(campus(t, "courses/prog1/roster/kustomization.yaml", "[roster.csv]", "[roster.csv, late.csv]"), "courses/prog1/roster")
	late := filepath.Join(dir, "late.csv")
	if err := os.WriteFile(late, []byte("user\n26t0902\n26t0901\n26t0903\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		want      string
		arguments []string
	}{
		{"user,name,template,section,team,enabled\n26t0902,,,,,true\n26t0901,,,,,true\n26t0903,,,,,true\n", []string{"export", "prog1"}},
		{late + "\n0 added, 0 updated, 0 removed; now commit, and see what it does with carrel plan\n", []string{"sort", "prog1"}},
		{late + "\n0 added, 0 updated, 1 removed; now commit, and see what it does with carrel plan\n", []string{"remove", "prog1", "26t0901"}},
		{"", []string{"remove", "prog1", "26t0001"}},
		{"", []string{"remove", "prog1", "kai"}},
		{"", []string{"export", "prog1", "--file", "other.csv"}},
	} {
		out, err := carrel(t, append([]string{"roster", "--directory", dir, "--file", "late.csv"}, test.arguments...)...)
		if out != test.want || (err != nil) != (test.want == "") {
			t.Errorf("carrel roster %v: %v, printed %q, want %q", test.arguments, err, out, test.want)
		}
	}
	if text, err := os.ReadFile(late); err != nil || string(text) != "user\n26t0902\n26t0903\n" {
		t.Errorf("the file is %q, %v", text, err)
	}
}
