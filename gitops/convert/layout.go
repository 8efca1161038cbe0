package convert

import (
	"reflect"
	"slices"
	"strings"
	"unicode"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// window is the number of lines ahead in which a line is searched, beyond the lines
// that were removed.
const window = 200

// layouts are the ways to lay out a line whose content was read before. The first
// keeps the old line. The second keeps it unless its indent changed. The third
// takes the new line.
var layouts = []func(before, after string) string{
	func(before, _ string) string { return before },
	func(before, after string) string {
		if indent(before) == indent(after) {
			return before
		}
		return after
	},
	func(_, after string) string { return after },
}

// restoreLayout restores blank lines and spacing, which the YAML library changes,
// as far as the content stays the same.
func restoreLayout(before, after string) string {
	old := readLayout(before)
	for _, layout := range layouts {
		if restored := old.restore(after, layout); sameContent(restored, after) {
			return restored
		}
	}
	return after
}

// oldLine is a line that was read.
type oldLine struct {
	text string
	// blanks counts the blank lines before it.
	blanks int
}

type oldLayout struct {
	lines []oldLine
	// trailing counts the blank lines at the end.
	trailing int
}

func readLayout(text string) (l oldLayout) {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for line := range strings.SplitSeq(text, "\n") {
		if squeeze(line) == "" {
			l.trailing++
			continue
		}
		l.lines = append(l.lines, oldLine{text: line, blanks: l.trailing})
		l.trailing = 0
	}
	return l
}

func (l oldLayout) restore(after string, layout func(before, after string) string) string {
	var out strings.Builder
	next := 0
	for line := range strings.SplitSeq(after, "\n") {
		if squeeze(line) == "" {
			continue
		}
		ahead := l.lines[next:min(next+window, len(l.lines))]
		found := slices.IndexFunc(ahead, func(o oldLine) bool { return squeeze(o.text) == squeeze(line) })
		if found >= 0 {
			out.WriteString(strings.Repeat("\n", ahead[found].blanks))
			line = layout(ahead[found].text, line)
			next += found + 1
		}
		out.WriteString(line + "\n")
	}
	return out.String() + strings.Repeat("\n", l.trailing)
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// squeeze returns a line without spaces.
func squeeze(line string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, line)
}

func sameContent(a, b string) bool {
	var x, y any
	return yaml.Unmarshal([]byte(a), &x) == nil && yaml.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
