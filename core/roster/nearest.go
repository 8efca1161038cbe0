package roster

import (
	"cmp"
	"slices"
	"strings"
)

const (
	// maxNearest bounds the names that an error offers.
	maxNearest = 3
	// maxEdits is the largest number of letters in which an offered name differs.
	maxEdits = 2
)

// Nearest returns up to three names that are most like a mistyped login, the nearest
// first: those that it begins, and those that differ in at most two letters.
func Nearest(typed string, names []string) []string {
	typed = strings.ToLower(typed)
	type candidate struct {
		name  string
		edits int
	}
	var found []candidate
	for _, name := range names {
		lower := strings.ToLower(name)
		login, _, _ := strings.Cut(lower, "@")
		edits := min(Distance(typed, lower), Distance(typed, login))
		if edits <= maxEdits || len(typed) > 2 && strings.HasPrefix(lower, typed) {
			found = append(found, candidate{name, edits})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.edits, b.edits), strings.Compare(a.name, b.name))
	})
	found = slices.Compact(found)
	near := make([]string, 0, maxNearest)
	for _, c := range found[:min(maxNearest, len(found))] {
		near = append(near, c.name)
	}
	return near
}

// Distance returns the number of characters to insert, delete or replace to make one text
// of the other (Levenshtein).
func Distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			edits := diagonal
			if from[i] != to[j] {
				edits = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], edits
		}
	}
	return row[len(to)]
}
