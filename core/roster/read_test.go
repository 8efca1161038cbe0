package roster_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/core/roster"
)

func read(text string) roster.Roster {
	return roster.Read(roster.File{Name: "roster.csv", Data: []byte(text)})
}

func row(user string, edit ...func(*roster.Row)) roster.Row {
	r := roster.Row{Student: roster.Student{User: user, Enabled: true}}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func name(n string) func(*roster.Row)     { return func(r *roster.Row) { r.Name = n } }
func template(n string) func(*roster.Row) { return func(r *roster.Row) { r.Template = n } }
func section(n string) func(*roster.Row)  { return func(r *roster.Row) { r.Section = n } }
func disabled(r *roster.Row)              { r.Enabled = false }

// What programs and people write is read alike.
func TestReadAsWritten(t *testing.T) {
	class := []roster.Row{row("21T0042@stu.example.ac.jp", name("佐藤 雪"), section("a")), row("bjørn", name("Aas, Bjørn"), section("b"))}
	for _, test := range []struct {
		name, text string
		want       []roster.Row
		warnings   []string
	}{
		{"by hand", "user,name,section\n21T0042@stu.example.ac.jp,佐藤 雪,a\nbjørn,\"Aas, Bjørn\",b\n", class, nil},
		{"by Excel, with a byte order mark", "\ufeffuser,name,section\r\n21T0042@stu.example.ac.jp,佐藤 雪,a\r\nbjørn,\"Aas, Bjørn\",b\r\n", class, nil},
		{"by Excel where the comma is a decimal point", "\ufeffuser;name;section\r\n21T0042@stu.example.ac.jp;佐藤 雪;a\r\nbjørn;Aas, Bjørn;b\r\n", class, nil},
		{"by Excel, which says its separator", "sep=;\r\nuser;name;section\r\n21T0042@stu.example.ac.jp;佐藤 雪;a\r\nbjørn;Aas, Bjørn;b\r\n", class, nil},
		{"pasted from a spreadsheet", "user\tname\tsection\n21T0042@stu.example.ac.jp\t佐藤 雪\ta\nbjørn\tAas, Bjørn\tb\n", class, nil},
		{"by Google Sheets, without an end of the last line", "user,name,section\r\n21T0042@stu.example.ac.jp,佐藤 雪,a\r\nbjørn,\"Aas, Bjørn\",b", class, nil},
		{"by Moodle", "\"First name\",\"Last name\",Username,\"Full name\",Section\nBjørn,Aas,bjørn,\"Aas, Bjørn\",b\n", class[1:], []string{
			"roster.csv line 1, column 1 (first name): this column is not read: read are user, name, template, section, team and enabled",
			"roster.csv line 1, column 2 (last name): this column is not read: read are user, name, template, section, team and enabled",
		}},
		{"with what spreadsheets leave below and beside a table", "\n user , name,section,,\n\n21T0042@stu.example.ac.jp,佐藤 雪,a,,\n,,,,\nbjørn,\"Aas, Bjørn\", b ,,\n,,,,\n  \n", class, nil},
		{"in another order", "section,user,name\na,21T0042@stu.example.ac.jp,佐藤 雪\nb,bjørn,\"Aas, Bjørn\"\n", class, nil},
		{"with ideographic and no-break spaces", "user,name,section\n21T0042@stu.example.ac.jp\u3000,佐藤 雪,\u00a0a\nbjørn,\"Aas, Bjørn\",b\n", class, nil},
		{"with cells left out at the end of a line", "user,name,section\nrin\n", []roster.Row{row("rin")}, nil},
		{"one column only", "user\nrin\ndaichi\n", []roster.Row{row("rin"), row("daichi")}, nil},
		{"a user of two Templates", "user,template\nrin,\nrin,db\n", []roster.Row{row("rin"), row("rin", template("db"))}, nil},
		{"enabled, as spreadsheets say it", "user,enabled\na,TRUE\nb,FALSE\nc,\nd,no\ne,0\nf,FALSCH\n",
			[]roster.Row{row("a"), row("b", disabled), row("c"), row("d", disabled), row("e", disabled), row("f", disabled)}, nil},
		{"nobody yet", "user,name\n", nil, nil},
		{"logins that look like words", "user,name\nuser1,Name\n1e05,\no'neil,\nna,null\n佐藤,雪\n",
			[]roster.Row{row("user1", name("Name")), row("1e05"), row("o'neil"), row("na", name("null")), row("佐藤", name("雪"))}, nil},
		{"logins that look alike", "user\n26t0004\n２６t0004\n\u00e9ab\ne\u0301ab\nÄ1\nä1\n", []roster.Row{row("26t0004"), row("２６t0004"), row("\u00e9ab"), row("e\u0301ab"), row("Ä1"), row("ä1")}, []string{
			"roster.csv line 3: another login than that of line 2, which looks the same: the two differ in full and half width, in case, or in how accents are stored: if both are one student, write the login as the student logs in, and delete the other line",
			"roster.csv line 5: another login than that of line 4, which looks the same: the two differ in full and half width, in case, or in how accents are stored: if both are one student, write the login as the student logs in, and delete the other line",
			"roster.csv line 7: another login than that of line 6, which looks the same: the two differ in full and half width, in case, or in how accents are stored: if both are one student, write the login as the student logs in, and delete the other line",
		}},
		{"quotes and line breaks between quotes", "user,name\nrin,\"Rin \"\"R\"\" K\"\n", []roster.Row{row("rin", name(`Rin "R" K`))}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := read(test.text)
			if len(got.Errors) > 0 {
				t.Fatalf("it is refused: %v", got.Errors)
			}
			if diff := cmp.Diff(test.want, got.Rows, cmpopts.IgnoreFields(roster.Row{}, "Place")); diff != "" {
				t.Errorf("rows differ (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.warnings, words(got.Warnings), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("warnings differ (-want +got):\n%s", diff)
			}
		})
	}
}

func words(problems []roster.Problem) []string {
	all := make([]string, len(problems))
	for i, p := range problems {
		all[i] = p.String()
	}
	return all
}

// Each mistake is told with place, cause and cure.
func TestReadRefuses(t *testing.T) {
	const header = "user,name,template,section,enabled\n"
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"an empty file", "", []string{"roster.csv: the file is empty: begin it with a line that names the columns"}},
		{"a file of blank lines", "\n\r\n ,\n", []string{"roster.csv: the file is empty"}},
		{"no user column", "name,section\nRin,a\n", []string{`roster.csv line 1: no column is called user: name the columns in the first line`}},
		{"no header", "21t0042,a\n21t0043,a\n", []string{`roster.csv line 1: no column is called user`}},
		{"a column that may be the user's", "\n\"Email address\",Groups\nrin@example.com,a\n", []string{`roster.csv line 2: no column is called user: if the column "email address" holds what students log in with, call it user`}},
		{"a column twice", "user,section,Section\nrin,a,b\n", []string{"roster.csv line 1, column 3 (section): this column is there twice"}},
		{"no user", header + ",Rin,,a,\n", []string{"roster.csv line 2, column 1 (user): no user: fill in"}},
		{"a user too long", header + strings.Repeat("x", 257) + ",,,,\n", []string{"line 2, column 1 (user): 257 bytes, at most 256"}},
		{"a number the spreadsheet spoiled", header + "2.1E+07,,,,\n", []string{"line 2, column 1 (user): the spreadsheet turned a number into 2.1E+07: format the column as text"}},
		{"a spreadsheet's error", header + "#REF!,,,,\n", []string{"line 2, column 1 (user): it is a spreadsheet's error, #REF!"}},
		{"an invisible character", header + "rin\u200b,,,,\n", []string{"line 2, column 1 (user): it contains an invisible character (U+200B)"}},
		{"a line break inside a cell", header + "\"rin\nk\",,,,\n", []string{"line 2, column 1 (user): it contains a control character or a line break (U+000A)"}},
		{"a Template nobody can have", header + "rin,,My IDE,,\n", []string{"line 2, column 3 (template): no Template can have this name"}},
		{"a word for enabled", header + "rin,,,,maybe\n", []string{"line 2, column 5 (enabled): neither true nor false: write true or false"}},
		{"all of several", header + ",,,,maybe\nok,,,,\nrin,,A B,,\n", []string{
			"line 2, column 1 (user)", "line 2, column 5 (enabled)", "line 4, column 3 (template)"}},
		{"a separator inside a cell", header + "rin,K, Rin,,a,\n", []string{`line 2: 6 cells, but the first line names 5 columns, and the cells at the end are empty: delete the separators at the end of the line`}},
		{"a cell too many", header + "rin,K, Rin,,a,x\n", []string{`line 2: 6 cells, but the first line names 5 columns: put a cell that contains the separator into quotes`}},
		{"one user in upper and in lower case", header + "Rin,,,,\nkai,,,,\nrin,,other,,\n", []string{"line 4: the same user as line 2, but for upper and lower case: write the login in both lines as"}},
		{"one user in three spellings", header + "rin,,,,\nRin,,,,\nRIN,,,,\n", []string{"line 3: the same user as line 2, but for", "line 4: the same user as line 2, but for"}},
		{"the same row twice", header + "rin,,,,\nkai,,,,\nrin,other,,b,\n", []string{"line 4: the same user and template as line 2: delete one of the two lines"}},
		{"a quote in the middle", header + "rin,a\"b,,,\nkai,,,,\n", []string{`line 2: a quote (") inside a cell that does not begin with one`}},
		{"more after the quotes", header + "rin,\"a\"b,,,\nkai,,maybe so,,\n", []string{"line 2: a quoted cell goes on after its quotes", "line 3, column 3"}},
		{"quotes never closed", header + "rin,\"a,,,\nkai,,,,\n", []string{"line 2: a quoted cell begins here and the file ends before it does: close the quotes; if they are closed in the original, the file was cut off"}},
		{"cut off inside quotes", header + "rin,,,,\nkai,\"K", []string{"line 3: a quoted cell begins here and the file ends before it does"}},
		{"quotes closed too late", header + "rin,\"a,,,\nkai,\"K\",,,\n", []string{"line 2: a quoted cell begins here and ends only in line 3"}},
		{"cut off inside a line", header + "rin,,,,\nkai,K,", []string{"line 3: the file breaks off after 3 of 5 cells: fetch the file again"}},
		{"cut off after a separator line", "sep=;\nuser;name\nrin;K\nkai", []string{"line 4: the file breaks off after 1 of 2 cells"}},
		{"UTF-16", "\xff\xfeu\x00s\x00", []string{`roster.csv: it is written in UTF-16, which Excel calls Unicode text: save it as "CSV UTF-8`}},
		{"UTF-16 of the other order", "\xfe\xff\x00u\x00s", []string{"it is written in UTF-16"}},
		{"UTF-16 without a mark", "u\x00s\x00e\x00r\x00", []string{"it is written in UTF-16 or is no text"}},
		{"Shift_JIS", "user,name\nrin,\x8d\xb2\x93\xa1 \x90\xe1\n", []string{`roster.csv line 2: it is written in Shift_JIS (what Excel saves as CSV on a Japanese computer), not in UTF-8: save it as "CSV UTF-8`}},
		{"Latin 1", "user,name\nrin,Bj\xf8rn\n", []string{"roster.csv line 2: it is written in the computer's own encoding"}},
		{"ISO-2022-JP", "user,name\nrin,\x1b$B:4F#\x1b(B\n", []string{"line 2, column 2 (name): it contains a control character"}},
		{"a workbook", "PK\x03\x04....", []string{"it is an Excel or OpenDocument workbook, not CSV"}},
		{"a web page", "<!DOCTYPE html>", []string{"it is a web page, not CSV: perhaps that of a login"}},
		{"more columns than anybody reads", "user" + strings.Repeat(",x", 100) + "\nrin\n", []string{"roster.csv line 1: 101 columns, at most 100: delete the columns that are not read"}},
		{"more than a ConfigMap holds", header + strings.Repeat("rin,,,,\n", 140_000), []string{"roster.csv: 1120035 bytes, at most 1048576: a ConfigMap holds no more: delete the columns"}},
		{"a long error of a spreadsheet", header + "#" + strings.Repeat("x", 1<<19) + "!,,,,\n", []string{"line 2, column 1 (user): it is a spreadsheet's error, #" + strings.Repeat("x", 38) + "…: mend"}},
		{"marks of a merge conflict", header + "<<<<<<< HEAD\nrin,,,,\n=======\nrin,,,,\nkai,,,,\n>>>>>>> a, b\n", []string{
			"line 2: git left a mark of a merge conflict here: keep the rows that are right", "line 4: git left a mark", "line 7: git left a mark"}},
		{"a merge conflict in the first line", "<<<<<<< HEAD\nuser\n=======\nuser,name\n>>>>>>> a\nrin\n", []string{"git left a mark of a merge conflict here"}},
		{"the common version of a merge conflict", header + "||||||| 3f2a\nrin,,,,\n", []string{"line 2: git left a mark"}},
		{"a header in the middle", header + "rin,,,,\nsection,User,name\n", []string{"line 3: the names of the columns are here again: delete this line"}},
		{"a number without its plus", header + "2.10E7,,,,\n", []string{"the spreadsheet turned a number into 2.10E7"}},
		{"a column that was too narrow", header + "######,,,,\n", []string{"the spreadsheet wrote ######, because the column was too narrow"}},
		{"a formula", header + "=A2,,,,\n", []string{"line 2, column 1 (user): it is a spreadsheet's formula: write what the formula shows"}},
		{"a formula of quotes", header + "=\"rin\",,,,\n", []string{`line 2: a spreadsheet's formula, ="...": write only what stands between the quotes`}},
		{"an apostrophe before a number", header + "'26000001,,,,\n", []string{"it begins with an apostrophe, by which a spreadsheet marks text: delete the apostrophe"}},
		{"what programs write for nothing", header + "null,,,,\nN/A,,,,\nNaN,,,,\n-,,,,\n", []string{"line 2, column 1 (user): null stands for no login", "N/A stands", "NaN stands", "- stands"}},
		{"a blank inside", header + "26t 0004,,,,\nsato\u3000yuki,,,,\n", []string{"line 2, column 1 (user): a login has no blank inside", "line 3"}},
		{"swapped columns", header + "Sato Yuki,26t0004,,,\n佐藤雪,26t0005@example.ac.jp,,,\n", []string{"line 2: the name stands where the login should be", "line 3: the name stands"}},
		{"a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", []string{"roster.csv: it is a pointer of Git LFS, and Flux does not fetch what it points to: take the file's pattern out of .gitattributes"}},
		{"a header in full width", "ｕｓｅｒ,name\nrin,R\n", []string{"line 1, column 1 (ｕｓｅｒ): the name of this column is written in full width"}},
		{"full-width commas", "user，name\nrin，R\n", []string{"line 1: the cells are separated by full-width commas: write a half-width comma"}},
		{"lines of an old Mac", "user,name\rrin,R\r", []string{"its lines end as on a Mac of the last century"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := words(read(test.text).Errors)
			if len(got) != len(test.want) {
				t.Fatalf("%d errors, want %d:\n%s", len(got), len(test.want), strings.Join(got, "\n"))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("error %d is\n%s\nwant it to say\n%s", i, got[i], want)
				}
			}
		})
	}
}

// The rows of all files are counted together.
func TestReadCountsRowsOfAllFiles(t *testing.T) {
	file := func(name, user string, rows int) roster.File {
		text := strings.Builder{}
		text.WriteString("user\n")
		for i := range rows {
			fmt.Fprintf(&text, "%s%d\n", user, i)
		}
		return roster.File{Name: name, Data: []byte(text.String())}
	}
	if got := roster.Read(file("a.csv", "a", 6000), file("b.csv", "b", 4000)); len(got.Errors) > 0 || len(got.Rows) != 10_000 {
		t.Errorf("%d rows, want 10,000 read: %v", len(got.Rows), got.Errors)
	}
	got := roster.Read(file("a.csv", "a", 6000), file("b.csv", "b", 5000), file("c.csv", "c", 5000))
	want := []string{"b.csv line 4002: more than 10000 rows in the rosters of one course: divide the class into several courses"}
	if diff := cmp.Diff(want, words(got.Errors)); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	wrong := read("user,name\n" + strings.Repeat("a\"\n", 100_000))
	if len(wrong.Errors) != 10_001 {
		t.Errorf("%d errors in 100,000 wrong lines, want one for each of 10,000, and one that there are more", len(wrong.Errors))
	}
}

// What does no harm is not told of a roster that is refused.
func TestReadWarnsOfNothingElse(t *testing.T) {
	if got := read("user,Groups\nrin,a\nrin,b\n"); len(got.Errors) != 1 || len(got.Warnings) > 0 {
		t.Errorf("errors %v and warnings %v, want one error only", got.Errors, got.Warnings)
	}
}

func TestReadFilesTogether(t *testing.T) {
	got := roster.Read(
		roster.File{Name: "a.csv", Data: []byte("user,section\nrin,a\nkai,a\n")},
		roster.File{Name: "b.csv", Data: []byte("section,user\nb,daichi\nb,rin\n")},
		roster.File{Name: "c.csv", Data: []byte("PK\x03\x04")},
	)
	want := []string{
		"c.csv: it is an Excel or OpenDocument workbook, not CSV",
		"b.csv line 3: the same user and template as a.csv line 2",
	}
	for i, problem := range words(got.Errors) {
		if i >= len(want) || !strings.HasPrefix(problem, want[i]) {
			t.Errorf("error %d is %s", i, problem)
		}
	}
	if len(got.Errors) != 2 || len(got.Rows) != 4 {
		t.Errorf("%d errors and %d rows, want 2 and 4: %v", len(got.Errors), len(got.Rows), got.Errors)
	}
}

// No problem says who somebody is, since problems are shown on commits.
func TestProblemsNameNobody(t *testing.T) {
	for _, text := range []string{
		"user,name,section\nhanako.sato,Hanako,a\nhanako.sato,Hanako,a\n",
		"user,name,enabled\nhanako.sato,Hanako,perhaps\n",
		"user,name,template\nhanako.sato,Hanako,Hanako's IDE\n",
		"user,name\nhanako.sato\u200b,Hanako\n",
		"user,name\nhanako.sato,Hanako,Sato,Ms\n",
		"user,name\n\"hanako.sato,Hanako\n",
	} {
		problems := strings.ToLower(strings.Join(words(read(text).Errors), "\n"))
		if problems == "" || strings.Contains(problems, "hanako") {
			t.Errorf("of\n%sis said: %q, want a problem that does not name her", text, problems)
		}
	}
}
