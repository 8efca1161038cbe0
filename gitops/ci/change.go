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
)

// Change is what a merge request adds and takes away, as anybody may read who may
// read the request.
type Change struct {
	files, words map[string]bool
}

// Touches reports whether the change is about a file.
func (c Change) Touches(file string) bool { return c.files[file] }

// Names reports whether a user stands in a line that is added or taken away, or in
// the name of a file.
func (c Change) Names(user string) bool { return c.words[user] }

// ErrShallow says that a clone lacks the commits to compare.
var ErrShallow = errors.New("this clone does not hold all commits: fetch them (git fetch --unshallow; in a pipeline fetch-depth: 0, or GIT_DEPTH: 0)")

// MergeBase is, as a full hash, the commit from which a request's branch goes off: what merging it
// changes is what changed since then.
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
	if errors.Is(err, plumbing.ErrObjectNotFound) || err == nil && len(bases) == 0 {
		return "", ErrShallow
	}
	if err != nil {
		return "", fmt.Errorf("find where %s goes off from %s: %w", short(head), short(base), err)
	}
	return bases[0].Hash.String(), nil
}

func commitOf(repository *git.Repository, revision string) (*object.Commit, error) {
	hash, err := repository.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return nil, fmt.Errorf("there is no commit %s (%w): %w", revision, err, ErrShallow)
	}
	commit, err := repository.CommitObject(*hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("there is no commit %s: %w", revision, ErrShallow)
	}
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", revision, err)
	}
	return commit, nil
}

// ReadChange compares two commits line by line.
func ReadChange(ctx context.Context, repository *git.Repository, base, head string) (Change, error) {
	change := Change{files: map[string]bool{}, words: map[string]bool{}}
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

// add takes text apart where an identity ends in CSV, YAML and names of files.
func (c Change) add(text string) {
	for line := range strings.Lines(text) {
		for _, word := range strings.FieldsFunc(line, separates) {
			c.words[word] = true
			c.words[strings.TrimSuffix(word, ".yaml")] = true
		}
	}
}

func separates(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`,;:"'{}[]`, r) }
