package docs

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"testing"
)

var (
	runsTest = regexp.MustCompile(`-run[= ](Test\w+)`)
	runsMake = regexp.MustCompile("(?m)(?:`|^|&& )make ([a-z0-9-]+)")
	folder   = regexp.MustCompile(` \./(\S+)`)
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
	commands := regexp.MustCompile("go (?:-C (\\S+) )?test [^`\n]*").FindAllStringSubmatch(read(t, "CONTRIBUTING.md"), -1)
	found := 0
	for _, command := range commands {
		names, folders := groups(runsTest, command[0]), groups(folder, command[0])
		if len(names) == 0 || len(folders) == 0 {
			continue
		}
		found++
		var exist []string
		files, err := fs.Glob(repository, path.Join(command[1], folders[0], "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			exist = append(exist, groups(testFunc, read(t, file))...)
		}
		if !slices.Contains(exist, names[0]) {
			t.Errorf("CONTRIBUTING.md says %q, and no test there is called %s", command[0], names[0])
		}
	}
	if found == 0 {
		t.Error("CONTRIBUTING.md does not say how to run one test")
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

// TestNobodyIsToldToInstallByModule holds that no page or pipeline installs a program by
// its module's path: Go refuses that for a module whose go.mod replaces another.
func TestNobodyIsToldToInstallByModule(t *testing.T) {
	pattern := regexp.MustCompile(`go (?:install|run) github\.com/carrel-dev/carrel/\S+@`)
	files := pages(t)
	for _, glob := range []string{"ci/*/*.yaml", "ci/*/*.yml"} {
		found, err := fs.Glob(repository, glob)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		for _, command := range pattern.FindAllString(read(t, file), -1) {
			t.Errorf("%s says %q, and Go refuses it because go.mod has a replace directive", file, command)
		}
	}
}
