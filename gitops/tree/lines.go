package tree

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/utils/diff"
	"github.com/sergi/go-diff/diffmatchpatch"
)

// hunk replaces lines of the base by others. from and to count lines from 0.
type hunk struct {
	from, to int
	lines    []string
}

// mergeLines merges two versions of a text line by line. It returns false if both
// changed the same lines, or lines without a common one between them.
func mergeLines(base, ours, theirs string) (string, bool) {
	lines := splitLines(base)
	a, b := hunks(base, ours), hunks(base, theirs)
	var merged []string
	at := 0
	for len(a)+len(b) > 0 {
		var next hunk
		switch {
		case len(a) > 0 && len(b) > 0 && a[0].from == b[0].from && a[0].to == b[0].to && slices.Equal(a[0].lines, b[0].lines):
			next, a, b = a[0], a[1:], b[1:]
		case len(a) > 0 && len(b) > 0 && a[0].from <= b[0].to && b[0].from <= a[0].to:
			return "", false
		case len(b) == 0 || len(a) > 0 && a[0].from < b[0].from:
			next, a = a[0], a[1:]
		default:
			next, b = b[0], b[1:]
		}
		merged = append(merged, lines[at:next.from]...)
		merged = append(merged, next.lines...)
		at = next.to
	}
	return strings.Join(append(merged, lines[at:]...), ""), true
}

func splitLines(text string) []string {
	return slices.Collect(strings.Lines(text))
}

// hunks returns the changes from one text to another, in order.
func hunks(from, to string) (all []hunk) {
	at := 0
	changing := false
	for _, one := range diff.Do(from, to) {
		lines := splitLines(one.Text)
		if one.Type == diffmatchpatch.DiffEqual {
			at, changing = at+len(lines), false
			continue
		}
		if !changing {
			all, changing = append(all, hunk{from: at, to: at}), true
		}
		last := &all[len(all)-1]
		if one.Type == diffmatchpatch.DiffInsert {
			last.lines = append(last.lines, lines...)
		} else {
			at += len(lines)
			last.to = at
		}
	}
	return all
}
