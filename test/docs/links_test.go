// Package docs checks the pages of this repository: links lead somewhere, and the
// indexes are complete.
package docs

import (
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// repository is the work tree.
var repository = os.DirFS("../..")

// pages returns the path of every Markdown file but those that tests compare with.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(repository, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "bin", "node_modules", "testdata"}, entry.Name()):
			return fs.SkipDir
		case path.Ext(name) == ".md":
			found = append(found, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(repository, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var (
	codeBlock  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	codeSpan   = regexp.MustCompile("`[^`\n]+`")
	inlineLink = regexp.MustCompile(`\]\(([^()\s]+)(?: "[^"]*")?\)`)
	heading    = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	htmlAnchor = regexp.MustCompile(`<a (?:id|name)="([^"]+)"`)
	linkText   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// links returns the targets of a page's links within this repository.
func links(text string) []string {
	text = codeSpan.ReplaceAllString(codeBlock.ReplaceAllString(text, ""), "")
	var targets []string
	for _, match := range inlineLink.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(match[1], "://") && !strings.HasPrefix(match[1], "mailto:") {
			targets = append(targets, match[1])
		}
	}
	return targets
}

// anchors returns the fragments that lead into a page, as forges derive them from
// its headings.
func anchors(text string) []string {
	var found []string
	for _, match := range htmlAnchor.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	seen := map[string]int{}
	for _, match := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r):
				return unicode.ToLower(r)
			}
			return -1
		}, linkText.ReplaceAllString(strings.TrimSpace(match[1]), "$1"))
		if n := seen[anchor]; n > 0 {
			found = append(found, fmt.Sprintf("%s-%d", anchor, n))
		} else {
			found = append(found, anchor)
		}
		seen[anchor]++
	}
	return found
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, link := range links(read(t, page)) {
			target, err := url.Parse(link)
			if err != nil {
				t.Errorf("%s: the link %s can't be read: %v", page, link, err)
				continue
			}
			file := page
			if target.Path != "" {
				file = path.Join(path.Dir(page), target.Path)
			}
			if _, err := fs.Stat(repository, file); err != nil {
				t.Errorf("%s: the link %s leads to %s, which is not there", page, link, file)
				continue
			}
			if target.Fragment != "" && path.Ext(file) == ".md" && !slices.Contains(anchors(read(t, file)), target.Fragment) {
				t.Errorf("%s: the link %s leads to a heading that %s does not have", page, link, file)
			}
		}
	}
}

func TestIndexesAreComplete(t *testing.T) {
	for index, folder := range map[string]string{
		"docs/README.md":           "docs",
		"docs/decisions/README.md": "docs/decisions",
	} {
		var listed []string
		for _, link := range links(read(t, index)) {
			listed = append(listed, path.Join(folder, link))
		}
		for _, page := range pages(t) {
			if path.Dir(page) == folder && page != index && !slices.Contains(listed, page) {
				t.Errorf("%s does not list %s", index, page)
			}
		}
	}
}

func TestLinks(t *testing.T) {
	got := links("a [b](c.md) ![d](e.png) [f](https://g.example) `[h](i.md)` [![j](k.svg)](l.md#m)\n```sh\n[n](o.md)\n```\n")
	if want := []string{"c.md", "e.png", "k.svg", "l.md#m"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnchors(t *testing.T) {
	got := anchors("# A `carrel`'s life: 1, 2\n## 日本語\n```sh\n# no heading\n```\n## [x](y.md)\n## x\n<a id=\"z\"></a>\n")
	if want := []string{"z", "a-carrels-life-1-2", "日本語", "x", "x-1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// folderRow matches the first cell of a row that names folders.
var folderRow = regexp.MustCompile("(?m)^\\| (`[a-z]+`(?:, `[a-z]+`)*) \\|")

func TestArchitectureNamesEveryFolder(t *testing.T) {
	const page = "docs/architecture.md"
	_, table, found := strings.Cut(read(t, page), "\n## Folders\n")
	if !found {
		t.Fatalf("%s has no section Folders", page)
	}
	var named []string
	for _, row := range folderRow.FindAllStringSubmatch(table, -1) {
		for name := range strings.SplitSeq(row[1], ", ") {
			named = append(named, strings.Trim(name, "`"))
		}
	}
	var want []string
	entries, err := fs.ReadDir(repository, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		// git ignores bin and dist.
		if name := entry.Name(); entry.IsDir() && !strings.HasPrefix(name, ".") && name != "bin" && name != "dist" {
			want = append(want, name)
		}
	}
	slices.Sort(named)
	slices.Sort(want)
	if !slices.Equal(named, want) {
		t.Errorf("%s names the folders %q, and there are %q", page, named, want)
	}
}
