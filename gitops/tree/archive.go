package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Reasons for which source-controller leaves something out of its archive.
var (
	errLink      = errors.New("it is a symbolic link: put a file in its place")
	errSubmodule = errors.New("it is a submodule: copy its files into the repository")
	errIgnored   = errors.New("a file .sourceignore, spec.ignore of the GitRepository, or Flux's own list of files that are no manifests names it")
)

// archived is a directory as source-controller archives it.
type archived struct {
	// kept holds the entries of the archive, and all those of the directory.
	kept, all *object.Tree
	// patterns are those of the .sourceignore files of the directory and of the
	// directories around it. rules is their text.
	patterns []gitignore.Pattern
	rules    []byte
}

// archive leaves out symbolic links, submodules and ignored files, as
// source-controller does. The patterns of a .sourceignore count below its directory,
// and spec.ignore counts more.
func (t *Tree) archive(parent *archived, name string, all *object.Tree) (*archived, error) {
	a := &archived{all: all, kept: &object.Tree{Hash: all.Hash}}
	if parent == nil {
		a.rules = []byte(t.ignore)
	} else {
		a.patterns, a.rules = parent.patterns, parent.rules
	}
	domain := split(name)
	if own, found := find(all, sourceignore.IgnoreFile); found && own.Mode.IsFile() && own.Mode != filemode.Symlink {
		data, err := t.source.file(strings.Join(append(domain, own.Name), "/"), own)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", own.Name, err)
		}
		a.patterns = append(a.patterns[:len(a.patterns):len(a.patterns)], sourceignore.ReadPatterns(bytes.NewReader(data), domain)...)
		a.rules = append(a.rules[:len(a.rules):len(a.rules)], data...)
	}
	patterns := slices.Clip(a.patterns)
	if t.ignore != "" {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(t.ignore), nil)...)
	}
	matcher := sourceignore.NewDefaultMatcher(patterns, nil)
	for _, entry := range all.Entries {
		at := slices.Concat(domain, []string{entry.Name})
		ignored := matcher.Match(at, entry.Mode == filemode.Dir)
		if entry.Mode == filemode.Dir && (!ignored || t.holdsAny(a, strings.Join(at, "/"))) ||
			entry.Mode.IsFile() && entry.Mode != filemode.Symlink && !ignored {
			a.kept.Entries = append(a.kept.Entries, entry)
		}
	}
	return a, nil
}

// holdsAny reports whether the archive has anything of a directory that is ignored
// itself. An error is left to whoever reads the directory.
func (t *Tree) holdsAny(parent *archived, name string) bool {
	dir, err := t.dir(parent, name)
	return err != nil || len(dir.kept.Entries) > 0
}

// hash returns the hash of the directory and of the rules that decide what is left out.
// It is zero for a directory of this machine.
func (a *archived) hash() plumbing.Hash {
	if len(a.rules) == 0 || a.all.Hash.IsZero() {
		return a.all.Hash
	}
	return plumbing.ComputeHash(plumbing.TreeObject, append(a.all.Hash[:], a.rules...))
}

// missing returns the error for an entry that the archive does not have.
func (a *archived) missing(at, name string) error {
	entry, there := find(a.all, name)
	switch {
	case !there:
		return notFound(at)
	case entry.Mode == filemode.Symlink:
		return leftOut(at, errLink)
	case entry.Mode == filemode.Submodule:
		return leftOut(at, errSubmodule)
	default:
		return leftOut(at, errIgnored)
	}
}

func leftOut(name string, why error) error {
	return fmt.Errorf("%s is not in the archive from which Flux builds, because %w (%w)", name, why, fs.ErrNotExist)
}
