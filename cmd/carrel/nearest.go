package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/gitops/plan"
)

const (
	// maxNearest bounds the names that an error offers.
	maxNearest = 3
	// maxEdits is the largest number of letters in which an offered name differs.
	maxEdits = 2
)

// nearest returns the names that are most like a mistyped one, the nearest first: those
// that it begins, and those that differ in a few letters.
func nearest(typed string, names []string) []string {
	typed = strings.ToLower(typed)
	type candidate struct {
		name  string
		edits int
	}
	var found []candidate
	for _, name := range names {
		lower := strings.ToLower(name)
		login, _, _ := strings.Cut(lower, "@")
		edits := min(plan.Distance(typed, lower), plan.Distance(typed, login))
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
