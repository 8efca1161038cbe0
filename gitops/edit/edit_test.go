package edit_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/edit"
)

func row(user string) roster.Student { return roster.Student{User: user, Enabled: true} }

func TestCSVStaysAsItIs(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		do                  func(*edit.CSV) error
	}{
		{
			"line ends of Windows, byte order mark, quotes and foreign columns", "\ufeff\"user\",mail,\"name\"\r\n\"a\",x,\"A, B\"\r\n",
			"\ufeff\"user\",mail,\"name\"\r\n\"a\",x,\"A, B\"\r\nb,,\"C, D\"\r\n",
			func(c *edit.CSV) error { return c.Add(roster.Student{User: "b", Name: "C, D", Enabled: true}) },
		},
		{
			"a last line without an end", "user\na", "user\na\nb\n",
			func(c *edit.CSV) error { return c.Add(row("b")) },
		},
		{
			"semicolons, and Excel's first line", "sep=;\nuser;section\na;x\n", "sep=;\nuser;section\na;x\nb;y\n",
			func(c *edit.CSV) error { return c.Add(roster.Student{User: "b", Section: "y", Enabled: true}) },
		},
		{
			"empty lines within and at the end", "user\n\na\n\nb\n\n", "user\n\n\nb\n\n",
			func(c *edit.CSV) error { c.Remove(func(user, _ string) bool { return user == "a" }); return nil },
		},
		{
			"sorted: the lines themselves stay", "user,section\n\"b\", x\nc,a\na,x", "user,section\nc,a\na,x\n\"b\", x\n",
			func(c *edit.CSV) error { return c.Sort("section") },
		},
		{
			"an update changes one line, and no word that says the same", "user,name,enabled\na,A,yes\nb,B,NO\n", "user,name,enabled\na,Aa,yes\nb,B,NO\n",
			func(c *edit.CSV) error {
				_, err := c.Update(roster.Student{User: "a", Name: "Aa", Enabled: true}, func(string) bool { return true })
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
		added := roster.Student{User: user, Name: name, Enabled: true}
		if c.Add(added) != nil {
			return
		}
		after := roster.Read(roster.File{Data: c.Bytes()})
		if len(after.Errors) > 0 {
			return // refused when saved
		}
		added.User, added.Name = strings.TrimSpace(user), strings.TrimSpace(name)
		if difference := cmp.Diff(append(before.Rows, roster.Row{Student: added}), after.Rows, cmpopts.IgnoreFields(roster.Row{}, "Place")); difference != "" {
			t.Fatalf("%q with %q is %q (-want +got):\n%s", text, user, c.Bytes(), difference)
		}
		c.Remove(func(user, _ string) bool { return user == added.User })
		if rest := roster.Read(roster.File{Data: c.Bytes()}); len(rest.Errors) > 0 {
			t.Fatalf("without %q it has errors: %v\n%q", user, rest.Errors, c.Bytes())
		} else if len(rest.Rows) != len(before.Rows) && !strings.Contains(text, added.User) {
			t.Fatalf("adding and removing %q leaves %q of %q", user, c.Bytes(), text)
		}
	})
}

func FuzzReadForeign(f *testing.F) {
	f.Add("\ufeffFirst name,Last name,Login\r\n\r\n\"A\nB\",C,a\n\n,,\nb", "Login")
	f.Add("sep=;\n\nuser;section\na;x\r\n", "user")
	f.Add("user\n\"\n\n\"\na\n\na", "")
	f.Fuzz(func(t *testing.T, text, user string) {
		lines := strings.Count(text, "\n") + 1
		from, err := edit.ReadForeign("x", []byte(text), edit.Columns{"user": user})
		for _, row := range from.Rows {
			if row.Place.Line < 1 || row.Place.Line > lines {
				t.Fatalf("a row of %q stands in line %d", text, row.Place.Line)
			}
		}
		if problems, are := err.(edit.Problems); are && problems[0].Line > lines { //nolint:errorlint // it is not wrapped
			t.Fatalf("%q: %v", text, err)
		}
	})
}

// class writes files into a new roster directory and returns its path.
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
	if err := c.Add(roster.Student{User: "yuki", Section: "a", Name: "Sato Yuki"}, ""); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove([]string{"rin"}, "", ""); err != nil {
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
	rows, err := edit.ReadForeign("participants.csv", []byte(moodle), edit.Columns{"user": "email address", "section": "Groups"})
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

const (
	rin     = "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: rin\nspec:\n  user: rin@x\n"
	twoCSV  = "kind: Kustomization\nresources:\n  - course.yaml\n  - rin.yaml\nconfigMapGenerator:\n  - name: roster\n    files: [roster.csv, late.csv]\n  - name: notes\n    files: [notes.txt]\n"
	withIDE = "kind: Course\nmetadata:\n  name: prog1\nspec:\n  templateName: ide\n  rosters:\n    - configMap: roster\n"
)

// TestEdits edits a class of two CSV files, a student with a file, and a ConfigMap
// that is not a roster. The course's Template is ide.
func TestEdits(t *testing.T) {
	remove := func(template, file string, who ...string) func(*edit.ClassFiles) error {
		return func(c *edit.ClassFiles) error { return c.Remove(who, template, file) }
	}
	add := func(r roster.Student, file string) func(*edit.ClassFiles) error {
		return func(c *edit.ClassFiles) error { return c.Add(r, file) }
	}
	merge := func(text, file string, prune bool) func(*edit.ClassFiles) error {
		return func(c *edit.ClassFiles) error {
			from, err := edit.ReadForeign("students.csv", []byte(text), edit.Columns{})
			if err != nil {
				return err
			}
			return c.Merge(from, file, prune)
		}
	}
	const roster1, late = "user,name,template\na,A,\na,A,db\nb,B,\nc,C,ide\n", "user,name,template\nd,D,db\n"
	for _, test := range []struct {
		name string
		do   func(*edit.ClassFiles) error
		// want holds the changed files with their content. If it is empty, the edit
		// must fail with an error that contains refused.
		want    map[string]string
		refused string
	}{
		{name: "a student by both names", do: remove("", "", "rin", "rin@x"), want: map[string]string{"rin.yaml": "", "kustomization.yaml": strings.Replace(twoCSV, "  - rin.yaml\n", "", 1)}},
		{name: "a student twice", do: remove("", "", "d", "d"), want: map[string]string{"late.csv": "user,name,template\n"}},
		{name: "one carrel by its name", do: remove("", "", roster.Student{User: "a", Template: "db"}.UserlandName("ide")), want: map[string]string{"roster.csv": "user,name,template\na,A,\nb,B,\nc,C,ide\n"}},
		{name: "one carrel by the name of before", do: remove("", "", roster.Student{User: "c", Template: "ide"}.UserlandName("")), want: map[string]string{"roster.csv": "user,name,template\na,A,\na,A,db\nb,B,\n"}},
		{name: "one whose login is another's carrel's name", want: map[string]string{}, do: func(c *edit.ClassFiles) error {
			if err := c.Add(roster.Student{User: "rin", Template: "db", Enabled: true}, ""); err != nil {
				return err
			}
			return c.Remove([]string{"rin"}, "", "")
		}},
		{name: "all carrels of one", do: remove("", "", "a"), want: map[string]string{"roster.csv": "user,name,template\nb,B,\nc,C,ide\n"}},
		{name: "the course's Template by its name", do: remove("ide", "", "a"), want: map[string]string{"roster.csv": "user,name,template\na,A,db\nb,B,\nc,C,ide\n"}},
		{name: "from another file", do: remove("", "late.csv", "a"), refused: `no student called "a" matches --template and --file`},
		{name: "from a file", do: remove("", "late.csv", "d"), want: map[string]string{"late.csv": "user,name,template\n"}},
		{name: "one who is there and one who is not", do: remove("", "", "a", "z"), refused: `no student is called "z"`},

		{name: "spaces around", do: add(roster.Student{User: "e ", Name: " E", Enabled: true}, ""), want: map[string]string{"roster.csv": roster1 + "e,E,\n"}},
		{name: "another file", do: add(row("e"), "late.csv"), want: map[string]string{"late.csv": late + "e,,\n"}},
		{name: "the course's Template again, by its name", do: add(roster.Student{User: "b", Template: "ide", Enabled: true}, ""), refused: "roster.csv line 6: the same user and template as"},
		{name: "the course's Template again, without", do: add(row("c"), "late.csv"), refused: "late.csv line 3: the same user and template as"},
		{name: "a Template again that a file has", do: add(roster.Student{User: "rin@x", Template: "ide", Enabled: true}, ""), refused: "rin.yaml has this student already"},
		{name: "a ConfigMap that is no roster", do: add(row("e"), "notes.txt"), refused: "no roster of"},

		{name: "imported without Templates", do: merge("user,name\na,Aa\nrin@x,Rin\nd,Dd\n", "", false),
			want: map[string]string{"roster.csv": "user,name,template\na,Aa,\na,Aa,db\nb,B,\nc,C,ide\n", "late.csv": "user,name,template\nd,Dd,db\n"}},
		{name: "imported without Templates, and no others", do: merge("user\na\nrin@x\nc\nd\n", "", true), want: map[string]string{"roster.csv": "user,name,template\na,A,\na,A,db\nc,C,ide\n"}},
		{name: "imported into one file", do: merge("user,name\na,Aa\nd,Dd\ne,E\n", "late.csv", false), want: map[string]string{"late.csv": "user,name,template\nd,Dd,db\ne,E,\n"}},
		{name: "imported with Templates, and no others", do: merge("user,template\na,ide\nc,\nd,\n", "", true), want: map[string]string{"roster.csv": "user,name,template\na,A,\nc,C,ide\nd,,\n"}},

		{name: "one file sorted", do: func(c *edit.ClassFiles) error { return c.Sort("name", "late.csv") }, want: map[string]string{}},
		{name: "no such file sorted", do: func(c *edit.ClassFiles) error { return c.Sort("name", "other.csv") }, refused: "no roster of"},
	} {
		t.Run(test.name, func(t *testing.T) {
			directory := class(t, map[string]string{"kustomization.yaml": twoCSV, "course.yaml": withIDE, "rin.yaml": rin, "notes.txt": "no, roster\"\n", "roster.csv": roster1, "late.csv": late})
			want := content(t, directory)
			c, err := edit.Open(directory)
			if err != nil {
				t.Fatal(err)
			}
			err = test.do(c)
			if err == nil {
				_, err = c.Save()
			}
			if (test.refused == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.refused) {
				t.Errorf("the answer is %v, want %q", err, test.refused)
			}
			for name, text := range test.want {
				if want[name] = text; text == "" {
					delete(want, name)
				}
			}
			if difference := cmp.Diff(want, content(t, directory)); difference != "" {
				t.Errorf("(-want +got):\n%s", difference)
			}
		})
	}
}

func TestSingleFilesAreRefusedATakenName(t *testing.T) {
	directory := class(t, map[string]string{"rin.yaml": rin})
	c, err := edit.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(row("rin"), ""); err == nil || !strings.Contains(err.Error(), "rin.yaml has a carrel of rin@x that is called rin already") {
		t.Errorf("two carrels of one name: %v", err)
	}
	if err := c.Add(row("yuki "), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if text := content(t, directory)["students/yuki.yaml"]; !strings.Contains(text, "name: yuki\n") || strings.Contains(text, "user:") {
		t.Errorf("a name with a space after it is written as\n%s", text)
	}
}

func TestRowsOfOneFile(t *testing.T) {
	c, err := edit.Open(class(t, map[string]string{"kustomization.yaml": generator, "roster.csv": "user\na\n", "late.csv": "user\nb\n", "rin.yaml": rin}))
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string][]string{"": {"rin@x", "a", "b"}, "late.csv": {"b"}} {
		rows, err := c.Students(file)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range rows {
			got = append(got, r.User)
		}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("of %q (-want +got):\n%s", file, difference)
		}
	}
	if _, err := c.Students("other.csv"); err == nil {
		t.Error("a file that is not there has rows")
	}
}

// TestForeignProblems checks that errors in another program's file are explained,
// with the line numbers of that file.
func TestForeignProblems(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		columns          edit.Columns
	}{
		{"another encoding", "Login,Name\na,Bj\xf8rn\n", "students.csv line 2: it is written in the computer's own encoding", edit.Columns{"user": "User"}},
		{"a workbook", "PK\x03\x04", "it is an Excel or OpenDocument workbook", edit.Columns{"user": "Login"}},
		{"empty lines before", "\nLogin,Name\n\na,A\n\n,B\n", "students.csv line 6, column 1 (user): no user", edit.Columns{"user": "Login"}},
		{"Excel's first line", "sep=;\nLogin;Name\na;A\na;B\n", "students.csv line 4: the same user and template as line 3", edit.Columns{"user": "Login"}},
		{"a cell of two lines", "Login,Notes\na,\"x\ny\"\n,z\n", "students.csv line 4, column 1 (user): no user", edit.Columns{"user": "Login"}},
		{"cut off", "Login,Name\na,A\nb", "students.csv line 3: the file breaks off", edit.Columns{"user": "Login"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := edit.ReadForeign("students.csv", []byte(test.text), test.columns)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it is told as %v, want %q", err, test.want)
			}
		})
	}
}

// TestSaveTellsWhatItWrote checks that Save returns the files it wrote before it
// failed.
func TestSaveTellsWhatItWrote(t *testing.T) {
	directory := class(t, map[string]string{"kustomization.yaml": twoCSV, "course.yaml": withIDE, "rin.yaml": rin, "notes.txt": "", "roster.csv": "user\na\n", "late.csv": "user\n"})
	c, err := edit.Open(directory)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove([]string{"a", "rin"}, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(directory, "rin.yaml")); err != nil {
		t.Fatal(err)
	}
	changed, err := c.Save()
	if err == nil || len(changed) != 2 {
		t.Errorf("changed are %v, %v, want the kustomization and the roster, and an error", changed, err)
	}
}

// TestExports reads what other programs export.
func TestExports(t *testing.T) {
	utf16 := func(text string) string {
		out := "\xff\xfe"
		for _, r := range text {
			out += string([]byte{byte(r), byte(r >> 8)})
		}
		return out
	}
	for name, test := range map[string]struct {
		text    string
		columns edit.Columns
		want    []roster.Student
	}{
		"Moodle in Japanese, family name first":           {"姓,名,メールアドレス\n佐藤,雪,a@x\n", edit.Columns{"user": "メールアドレス"}, []roster.Student{{User: "a@x", Name: "佐藤 雪", Enabled: true}}},
		"Moodle in Japanese, columns the other way round": {"名,姓,メールアドレス\n雪,佐藤,a@x\n", edit.Columns{"user": "メールアドレス"}, []roster.Student{{User: "a@x", Name: "佐藤 雪", Enabled: true}}},
		"Moodle in English with a Japanese name":          {"First name,Last name,Username\n雪,佐藤,a\n", edit.Columns{}, []roster.Student{{User: "a", Name: "佐藤 雪", Enabled: true}}},
		"Moodle with teachers": {"First name,Last name,Username,Roles\nAnna,Berg,a,Student\nCem,Demir,c,Teacher\n,,d,\"Non-editing teacher, Student\"\n", edit.Columns{},
			[]roster.Student{{User: "a", Name: "Anna Berg", Enabled: true}, {User: "d", Enabled: true}}},
		"Blackboard in UTF-16 with tabs": {utf16("\"Last Name\"\t\"First Name\"\t\"Username\"\r\n\"Aas\"\t\"Bjørn\"\t\"b1\"\r\n"), edit.Columns{}, []roster.Student{{User: "b1", Name: "Bjørn Aas", Enabled: true}}},
		"Canvas":                         {"Student,ID,SIS Login ID,Section\n    Points Possible,,,\n\"Aas, Bjørn\",7,b1,a\n", edit.Columns{}, []roster.Student{{User: "b1", Name: "Aas, Bjørn", Section: "a", Enabled: true}}},
		"Google Forms":                   {"Timestamp,Email Address,Name\n2026/10/01 9:00:00,a@x,Anna\n", edit.Columns{"user": "email address"}, []roster.Student{{User: "a@x", Name: "Anna", Enabled: true}}},
		"a campus system in Shift_JIS":   {"\x8aw\x90\xd0\x94\xd4\x8d\x86,\x8e\x81\x96\xbc\r\n26t1,\x8d\xb2\x93\xa1 \x90\xe1\r\n", edit.Columns{"user": "学籍番号"}, []roster.Student{{User: "26t1", Name: "佐藤 雪", Enabled: true}}},
	} {
		t.Run(name, func(t *testing.T) {
			from, err := edit.ReadForeign("export.csv", []byte(test.text), test.columns)
			if err != nil {
				t.Fatal(err)
			}
			var got []roster.Student
			for _, row := range from.Rows {
				got = append(got, row.Student)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestPruneOfNobody checks that a file without students removes nobody.
func TestPruneOfNobody(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"kustomization.yaml": "configMapGenerator: [{name: r, files: [r.csv]}]\n", "r.csv": "user\na\nb\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	class, err := edit.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := class.Merge(edit.Import{}, "", true); err == nil || !strings.Contains(err.Error(), "would remove all 2 students") {
		t.Errorf("pruned by nobody: %v", err)
	}
}

// TestLinkedRoster checks that a link is not replaced by a file.
func TestLinkedRoster(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"kustomization.yaml": "configMapGenerator: [{name: r, files: [r.csv]}]\n", "real.csv": "user\na\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("real.csv", filepath.Join(dir, "r.csv")); err != nil {
		t.Fatal(err)
	}
	class, err := edit.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := class.Add(row("b"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := class.Save(); err == nil || !strings.Contains(err.Error(), "is a symbolic link") {
		t.Errorf("saved through a link: %v", err)
	}
}
