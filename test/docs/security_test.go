package docs

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// namedTest matches a test that a page names.
var namedTest = regexp.MustCompile("`(Test[A-Z]\\w+)`")

// A control without a test is a hope: each test that the pages about security and about marks
// name exists.
func TestPagesNameTestsThatExist(t *testing.T) {
	exist := existingTests(t)
	for _, page := range []string{"docs/security.md", "docs/gateway.md", "docs/login.md", "docs/marks.md"} {
		named := groups(namedTest, read(t, page))
		if len(named) == 0 {
			t.Errorf("%s names no test", page)
		}
		for _, name := range named {
			if !slices.Contains(exist, name) {
				t.Errorf("%s names %s, and there is no such test", page, name)
			}
		}
	}
}

// existingTests returns the names of all tests of the repository.
func existingTests(t *testing.T) []string {
	t.Helper()
	var exist []string
	err := fs.WalkDir(repository, ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && file != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if err == nil && !d.IsDir() && strings.HasSuffix(file, "_test.go") {
			exist = append(exist, groups(testFunc, read(t, file))...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return exist
}

// Each row of the threat model names a test.
func TestThreatsHaveTests(t *testing.T) {
	_, table, _ := strings.Cut(read(t, "docs/security.md"), "\n## Assets, threats, controls\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, row := range strings.Split(table, "\n") {
		if strings.HasPrefix(row, "|") && !strings.HasPrefix(row, "|---") && !strings.HasPrefix(row, "| asset") && !namedTest.MatchString(row) {
			t.Errorf("no test holds: %s", row)
		}
	}
}
