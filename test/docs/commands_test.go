package docs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	runsTest = regexp.MustCompile(`-run[= ](Test\w+)`)
	runsMake = regexp.MustCompile("(?m)(?:`|^|&& )make ([a-z0-9-]+)")
	testFunc = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	target   = regexp.MustCompile(`(?m)^([a-z0-9-]+):`)
)

// groups returns what the first group of a pattern matches in text.
func groups(pattern *regexp.Regexp, text string) []string {
	var found []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestContributingNamesTestsThatExist(t *testing.T) {
	var exist []string
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(name, "_test.go") {
			exist = append(exist, groups(testFunc, read(t, name))...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := groups(runsTest, read(t, "CONTRIBUTING.md"))
	if len(named) == 0 {
		t.Error("CONTRIBUTING.md does not say how to run one test")
	}
	for _, name := range named {
		if !slices.Contains(exist, name) {
			t.Errorf("CONTRIBUTING.md runs %s, and no test is called that", name)
		}
	}
}

func TestPagesNameTargetsThatExist(t *testing.T) {
	targets := append(groups(target, read(t, "Makefile")), "bin") // bin/devcluster
	for _, page := range pages(t) {
		if path.Dir(page) != "." && path.Dir(page) != "docs" {
			continue
		}
		for _, name := range groups(runsMake, read(t, page)) {
			if !slices.Contains(targets, name) {
				t.Errorf("%s says make %s, and the Makefile has no such target", page, name)
			}
		}
	}
}
