package roster_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/roster"
)

// FuzzRead: whatever a file holds, it is read or refused with a place, and what
// is read keeps the limits of the kinds.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"user\nrin\n", "\ufeffuser;name;enabled\r\n\"a\"\"b\";x;no\r\n", "sep=\t\nuser\tname\nrin\tR", "user,name\nrin,\"R",
		"user,template,section\nrin,db,a\nrin,db,b\n,,\n", "\xff\xfeu\x00", "user,name\nrin,\x8d\xb2\n", "user\r\rrin", "PK\x03\x04", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got := roster.Read(roster.File{Name: "f.csv", Data: data})
		checkProblems(t, append(got.Errors, got.Warnings...), strings.Count(string(data), "\n")+1)
		checkRows(t, got.Rows)
		if len(got.Rows) == 0 && len(got.Errors) == 0 && len(strings.TrimSpace(string(data))) == 0 {
			t.Error("an empty file is taken for a roster")
		}
	})
}

func checkProblems(t *testing.T, problems []roster.Problem, lines int) {
	for _, problem := range problems {
		if problem.Cause == "" || problem.Line < 0 || problem.Line > lines || !utf8.ValidString(problem.String()) {
			t.Errorf("of %d lines: %+v", lines, problem)
		}
	}
}

func checkRows(t *testing.T, rows []roster.Row) {
	for _, row := range rows {
		if row.User == "" || len(row.User) > 256 || len(row.Template) > 63 || row.Place.Line < 2 || !utf8.ValidString(row.User+row.Name+row.Section) {
			t.Errorf("the row %+v", row)
		}
	}
}
