package ci

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/diff"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// Diff is the set of files and words that a merge request adds or removes.
// Everybody who may read the request may read them.
type Diff struct {
	files, words map[string]bool
}

// Touches reports whether the request changes a file.
func (d Diff) Touches(file string) bool { return d.files[file] }

// Names reports whether a user occurs in an added or removed line, or in the path
// of a changed file.
func (d Diff) Names(user string) bool { return d.words[user] }

// ErrShallow is returned when a clone lacks the commits to compare.
var ErrShallow = errors.New("this clone does not hold all commits: fetch them (git fetch --unshallow; in a pipeline fetch-depth: 0, or GIT_DEPTH: 0)")

// MergeBase returns the full hash of the merge base of base and head. Merging head
// changes what differs between that commit and head.
func MergeBase(repository *git.Repository, base, head string) (string, error) {
	b, err := commitOf(repository, base)
	if err != nil {
		return "", err
	}
	h, err := commitOf(repository, head)
	if err != nil {
		return "", err
	}
	bases, err := b.MergeBase(h)
	switch {
	case errors.Is(err, plumbing.ErrObjectNotFound), err == nil && len(bases) == 0 && tree.Shallow(repository):
		return "", ErrShallow
	case err != nil:
		return "", fmt.Errorf("find the merge base of %s and %s: %w", short(head), short(base), err)
	case len(bases) == 0:
		return "", fmt.Errorf("%s and %s have no commit in common: name another target with --base", base, head)
	}
	return bases[0].Hash.String(), nil
}

func commitOf(repository *git.Repository, revision string) (*object.Commit, error) {
	hash, err := tree.Resolve(repository, revision)
	if err != nil && (tree.Shallow(repository) || plumbing.IsHash(revision)) {
		return nil, fmt.Errorf("%w: %w", err, ErrShallow)
	}
	if err != nil {
		return nil, err
	}
	return repository.CommitObject(hash)
}

// ReadDiff compares two commits line by line.
func ReadDiff(ctx context.Context, repository *git.Repository, base, head string) (Diff, error) {
	change := Diff{files: map[string]bool{}, words: map[string]bool{}}
	b, err := commitOf(repository, base)
	if err != nil {
		return change, err
	}
	h, err := commitOf(repository, head)
	if err != nil {
		return change, err
	}
	patch, err := b.PatchContext(ctx, h)
	if err != nil {
		return change, fmt.Errorf("compare %s with %s: %w", short(head), short(base), err)
	}
	for _, file := range patch.FilePatches() {
		from, to := file.Files()
		for _, side := range []diff.File{from, to} {
			if side != nil {
				change.files[side.Path()] = true
				change.add(strings.ReplaceAll(side.Path(), "/", " "))
			}
		}
		for _, chunk := range file.Chunks() {
			if chunk.Type() != diff.Equal {
				change.add(chunk.Content())
			}
		}
	}
	return change, nil
}

// add splits text at the characters that end an identity in CSV, YAML and file
// names.
func (d Diff) add(text string) {
	for line := range strings.Lines(text) {
		for _, word := range strings.FieldsFunc(line, separates) {
			d.words[word] = true
			d.words[strings.TrimSuffix(word, ".yaml")] = true
		}
	}
}

func separates(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;:"'{}[]`, r) }
