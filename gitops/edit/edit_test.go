package edit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/gitops/edit"
	"github.com/carrel-dev/carrel/roster"
)

func row(user string) roster.Row { return roster.Row{User: user, Enabled: true} }

func TestCSVStaysAsItIs(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		do                  func(*edit.CSV) error
	}{
		{
			"line ends of Windows, byte order mark, quotes and foreign columns", "\ufeff\"user\",mail,\"name\"\r\n\"a\",x,\"A, B\"\r\n",
			"\ufeff\"user\",mail,\"name\"\r\n\"a\",x,\"A, B\"\r\nb,,\"C, D\"\r\n",
			func(c *edit.CSV) error { return c.Add(roster.Row{User: "b", Name: "C, D", Enabled: true}) },
		},
		{
			"a last line without an end", "user\na", "user\na\nb\n",
			func(c *edit.CSV) error { return c.Add(row("b")) },
		},
		{
			"semicolons, and Excel's first line", "sep=;\nuser;section\na;x\n", "sep=;\nuser;section\na;x\nb;y\n",
			func(c *edit.CSV) error { return c.Add(roster.Row{User: "b", Section: "y", Enabled: true}) },
		},
		{
			"empty lines within and at the end", "user\n\na\n\nb\n\n", "user\n\n\nb\n\n",
			func(c *edit.CSV) error { c.Remove("a", ""); return nil },
		},
		{
			"sorted: the lines themselves stay", "user,section\n\"b\", x\nc,a\na,x", "user,section\nc,a\na,x\n\"b\", x\n",
			func(c *edit.CSV) error { return c.Sort("section") },
		},
		{
			"an update changes one line, and no word that says the same", "user,name,enabled\na,A,yes\nb,B,NO\n", "user,name,enabled\na,Aa,yes\nb,B,NO\n",
			func(c *edit.CSV) error {
				_, err := c.Update(roster.Row{User: "a", Name: "Aa", Enabled: true})
				return err
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := edit.Parse("roster.csv", []byte(test.before))
			if err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(test.before, string(c.Bytes())); difference != "" {
				t.Errorf("reading alone changes it:\n%s", difference)
			}
			if err := test.do(c); err != nil {
				t.Fatal(err)
			}
			if difference := cmp.Diff(test.after, string(c.Bytes())); difference != "" {
				t.Errorf("(-want +got):\n%s", difference)
			}
		})
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("\ufeffuser,name,enabled\r\na,\"A, \"\"B\"\"\",yes\r\n\r\nb,,", "c", "Name, \"x\"")
	f.Add("sep=;\nuser;section\na;x\n", "c", "")
	f.Add("\n\nuser\tname\n\"a\"\tb\n", "=c", "x")
	f.Add("user\na\n\"b\n", "c", "")
	f.Fuzz(func(t *testing.T, text, user, name string) {
		before := roster.Read(roster.File{Data: []byte(text)})
		c, err := edit.Parse("", []byte(text))
		if (err != nil) != (len(before.Errors) > 0) {
			t.Fatalf("edited is %v, but read is %v", err, before.Errors)
		}
		if err != nil {
			return
		}
		if string(c.Bytes()) != text {
			t.Fatalf("reading %q makes it %q", text, c.Bytes())
		}
		added := roster.Row{User: user, Name: name, Enabled: true}
		if c.Add(added) != nil {
			return
		}
		after := roster.Read(roster.File{Data: c.Bytes()})
		if len(after.Errors) > 0 {
			return // refused when saved
		}
		added.User, added.Name = strings.TrimSpace(user), strings.TrimSpace(name)
		if difference := cmp.Diff(append(before.Rows, added), after.Rows, cmpopts.IgnoreFields(roster.Row{}, "Place")); difference != "" {
			t.Fatalf("%q with %q is %q (-want +got):\n%s", text, user, c.Bytes(), difference)
		}
		c.Remove(added.User, "")
		if rest := roster.Read(roster.File{Data: c.Bytes()}); len(rest.Errors) > 0 {
			t.Fatalf("without %q it has errors: %v\n%q", user, rest.Errors, c.Bytes())
		} else if len(rest.Rows) != len(before.Rows) && !strings.Contains(text, added.User) {
			t.Fatalf("adding and removing %q leaves %q of %q", user, c.Bytes(), text)
		}
	})
}

// class makes the directory of a roster.
func class(t *testing.T, files map[string]string) string {
	t.Helper()
	directory := t.TempDir()
	for name, text := range files {
		p := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

func content(t *testing.T, directory string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(directory, func(p string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		name, _ := filepath.Rel(directory, p)
		files[name] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

const generator = "# the class\nresources: [course.yaml] # and nobody else\nconfigMapGenerator:\n  - name: roster\n    files: [roster.csv, late.csv]\n"

func TestWhatTheRulesRefuseChangesNothing(t *testing.T) {
	directory := class(t, map[string]string{"kustomization.yaml": generator, "roster.csv": "user,name\na,A\n", "late.csv": "user\nb\n"})
	before := content(t, directory)
	c, err := edit.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"c", "b", "2.1E+07"} {
		if err := c.Add(row(user), ""); err != nil {
			t.Fatal(err)
		}
	}
	_, err = c.Save()
	if err == nil {
		t.Fatal("a student of another file, a spreadsheet's number and nobody are taken in")
	}
	for _, part := range []string{"late.csv line 2: the same user and template as", "roster.csv line 5, column 1 (user): the spreadsheet turned"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the refusal says nothing of %q: %v", part, err)
		}
	}
	if difference := cmp.Diff(before, content(t, directory)); difference != "" {
		t.Errorf("something was written:\n%s", difference)
	}
}

func TestStudentsFilesAndResourcesKeepTheirComments(t *testing.T) {
	kustomization := "# the class\nkind: Kustomization\nresources:\n  - course.yaml # first\n  - students/rin.yaml # our tutor\n"
	directory := class(t, map[string]string{
		"kustomization.yaml": kustomization, "course.yaml": "kind: Course\n",
		"students/rin.yaml": "# tutor\napiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: rin\n",
	})
	c, err := edit.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(roster.Row{User: "yuki", Section: "a", Name: "Sato Yuki"}, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Remove("rin", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Save(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"kustomization.yaml": "# the class\nkind: Kustomization\nresources:\n  - course.yaml # first\n  - students/yuki.yaml\n",
		"course.yaml":        "kind: Course\n",
		"students/yuki.yaml": "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  annotations:\n    carrel.dev/name: Sato Yuki\n  name: yuki\nspec:\n  enabled: false\n  section: a\n",
	}
	if difference := cmp.Diff(want, content(t, directory)); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}

func TestImportFromMoodle(t *testing.T) {
	directory := class(t, map[string]string{"kustomization.yaml": generator, "roster.csv": "user,name,section,enabled\na@x,Old Name,1,no\nb@x,,,\n", "late.csv": "user\n"})
	moodle := "\ufeff\"First name\",\"Last name\",\"ID number\",\"Email address\",Groups\r\nAnna,Berg,1,a@x,2\r\nCem,Demir,3,c@x,2\r\n"
	rows, err := edit.ReadForeign("participants.csv", []byte(moodle), edit.Columns{User: "email address", Section: "Groups"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is left to do
		c, err := edit.Open(directory)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Merge(rows, "", true); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Save(); err != nil {
			t.Fatal(err)
		}
	}
	want := "user,name,section,enabled\na@x,Anna Berg,2,no\nc@x,Cem Demir,2,\n"
	if difference := cmp.Diff(want, content(t, directory)["roster.csv"]); difference != "" {
		t.Errorf("(-want +got):\n%s", difference)
	}
}
