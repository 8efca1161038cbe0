package history

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Courses returns the names of the courses at a commit: the directories that
// contain a roster.
func (r *Repository) Courses(commit plumbing.Hash, layout Layout) (names []string, err error) {
	if layout == (Layout{}) {
		layout = DefaultLayout
	}
	parent, rest, err := layout.parent()
	if err != nil {
		return nil, err
	}
	h, err := r.header(commit)
	if err != nil {
		return nil, err
	}
	return r.coursesIn(h.tree, parent, rest)
}

// parent returns the directory that holds the courses, and the path from a course's
// directory to its class.
func (l Layout) parent() (parent, rest string, err error) {
	parent, rest, found := strings.Cut(l.Roster, "/COURSE")
	if !found {
		return "", "", fmt.Errorf("the layout %q has no /COURSE: name the course", l.Roster)
	}
	return parent, strings.TrimPrefix(rest, "/"), nil
}

// coursesIn returns the names of the directories in parent that contain rest.
func (r *Repository) coursesIn(root plumbing.Hash, parent, rest string) (names []string, err error) {
	at, exists, err := r.objects.Find(root, parent)
	if err != nil || !exists || !at.Tree {
		return nil, err
	}
	all, err := r.objects.List(at.Hash)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if !e.Tree {
			continue
		}
		if below, exists, err := r.objects.Find(e.Hash, rest); err != nil {
			return nil, err
		} else if exists && below.Tree {
			names = append(names, e.Name)
		}
	}
	return names, nil
}

// Former returns the names of the courses that a commit lacks and an earlier commit had,
// sorted. A course that was renamed is not among them, since the history of the present
// course tells of it.
func (r *Repository) Former(ctx context.Context, from plumbing.Hash, layout Layout) (names []string, err error) {
	if layout == (Layout{}) {
		layout = DefaultLayout
	}
	parent, rest, err := layout.parent()
	if err != nil {
		return nil, err
	}
	present, err := r.Courses(from, layout)
	if err != nil {
		return nil, err
	}
	renamed := map[string]bool{}
	for _, course := range present {
		points, err := r.points(ctx, from, layout.of(course), time.Time{})
		if err != nil {
			return nil, err
		}
		for _, p := range points {
			renamed[p.layoutBefore.Roster] = true
		}
	}
	for hash, err := range r.changed(ctx, from, []string{parent}, time.Time{}) {
		if err != nil {
			return nil, err
		}
		h, err := r.header(hash)
		if err != nil {
			return nil, err
		}
		there, err := r.coursesIn(h.tree, parent, rest)
		if err != nil {
			return nil, err
		}
		for _, course := range there {
			if !slices.Contains(present, course) && !renamed[layout.of(course).Roster] {
				names = append(names, course)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
