package roster_test

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/core/roster"
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
		if len(got.Errors) == 0 {
			checkRoundTrip(t, got.Rows)
		}
		if len(got.Rows) == 0 && len(got.Errors) == 0 && len(strings.TrimSpace(string(data))) == 0 {
			t.Error("an empty file is taken for a roster")
		}
	})
}

// checkRoundTrip writes rows as any spreadsheet would and reads them again.
func checkRoundTrip(t *testing.T, rows []roster.Row) {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	lines := [][]string{{"user", "name", "template", "section", "enabled"}}
	for _, row := range rows {
		lines = append(lines, []string{row.User, row.Name, row.Template, row.Section, strconv.FormatBool(row.Enabled)})
	}
	if err := w.WriteAll(lines); err != nil {
		t.Fatal(err)
	}
	again := roster.Read(roster.File{Name: "f.csv", Data: text.Bytes()})
	if len(again.Errors)+len(again.Warnings) > 0 {
		t.Errorf("written again the rows have problems: %v %v\n%q", again.Errors, again.Warnings, text.Bytes())
	}
	if diff := cmp.Diff(rows, again.Rows, cmpopts.IgnoreFields(roster.Row{}, "Place"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("written and read again the rows are others (-first +second):\n%s", diff)
	}
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
