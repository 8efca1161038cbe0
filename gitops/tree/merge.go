package tree

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

// ConflictError is returned by Merge if both sides changed the same lines of files.
type ConflictError struct{ Files []string }

// Error names the files and the cure.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("both sides changed the same lines of %s, so nothing can be merged: merge the target into the branch first", strings.Join(e.Files, ", "))
}

// Merge returns the tree that git makes by merging the commit theirs into the commit
// ours, with base as their merge base. It writes nothing to the repository. Without a
// common line between them, changes of both sides are a conflict, as they are to git.
func Merge(repository *git.Repository, base, ours, theirs string) (*Tree, error) {
	m := &merging{store: overlay{repository.Storer, memory.NewStorage()}}
	var roots [3]entryOf
	for i, revision := range []string{base, ours, theirs} {
		hash, err := repository.ResolveRevision(plumbing.Revision(revision))
		if err != nil {
			return nil, fmt.Errorf("find the revision %q: %w", revision, err)
		}
		commit, err := repository.CommitObject(*hash)
		if err != nil {
			return nil, fmt.Errorf("read commit %s: %w", hash, err)
		}
		roots[i] = entryOf{filemode.Dir, commit.TreeHash}
	}
	merged, err := m.entry("", roots[0], roots[1], roots[2])
	if err != nil {
		return nil, err
	}
	if len(m.conflicts) > 0 {
		return nil, &ConflictError{m.conflicts}
	}
	root, err := object.GetTree(m.store, merged.hash)
	if err != nil {
		return nil, fmt.Errorf("read the merged tree: %w", err)
	}
	return newTree(&commit{root: root, store: m.store, files: map[plumbing.Hash][]byte{}, dirs: map[string]*object.Tree{}}), nil
}

// overlay keeps objects in memory and reads all others from a repository.
type overlay struct {
	storer.EncodedObjectStorer
	added *memory.Storage
}

func (o overlay) NewEncodedObject() plumbing.EncodedObject { return o.added.NewEncodedObject() }

func (o overlay) SetEncodedObject(one plumbing.EncodedObject) (plumbing.Hash, error) {
	return o.added.SetEncodedObject(one)
}

func (o overlay) EncodedObject(kind plumbing.ObjectType, hash plumbing.Hash) (plumbing.EncodedObject, error) {
	if one, err := o.added.EncodedObject(kind, hash); err == nil {
		return one, nil
	}
	return o.EncodedObjectStorer.EncodedObject(kind, hash)
}

// entryOf is an entry of a directory. It is zero where there is none.
type entryOf struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

type merging struct {
	store     overlay
	conflicts []string
}

// entry merges one path. Where only one side changed it, that side counts.
func (m *merging) entry(name string, base, ours, theirs entryOf) (entryOf, error) {
	switch {
	case ours == theirs, base == theirs:
		return ours, nil
	case base == ours:
		return theirs, nil
	case ours.mode == filemode.Dir && theirs.mode == filemode.Dir:
		return m.dir(name, base, ours, theirs)
	case base.mode.IsFile() && ours.mode.IsFile() && theirs.mode.IsFile():
		return m.file(name, base, ours, theirs)
	default:
		m.conflicts = append(m.conflicts, name)
		return ours, nil
	}
}

func (m *merging) dir(name string, base, ours, theirs entryOf) (entryOf, error) {
	var sides [3]map[string]entryOf
	names := map[string]bool{}
	for i, side := range []entryOf{base, ours, theirs} {
		sides[i] = map[string]entryOf{}
		if side.mode != filemode.Dir {
			continue
		}
		found, err := object.GetTree(m.store, side.hash)
		if err != nil {
			return ours, fmt.Errorf("read tree %s: %w", side.hash, err)
		}
		for _, e := range found.Entries {
			sides[i][e.Name], names[e.Name] = entryOf{e.Mode, e.Hash}, true
		}
	}
	merged := &object.Tree{}
	for _, one := range slices.Sorted(maps.Keys(names)) {
		e, err := m.entry(path.Join(name, one), sides[0][one], sides[1][one], sides[2][one])
		if err != nil {
			return ours, err
		}
		if e != (entryOf{}) {
			merged.Entries = append(merged.Entries, object.TreeEntry{Name: one, Mode: e.mode, Hash: e.hash})
		}
	}
	slices.SortFunc(merged.Entries, func(a, b object.TreeEntry) int { return strings.Compare(sortedAs(a), sortedAs(b)) })
	hash, err := m.add(merged.Encode)
	return entryOf{filemode.Dir, hash}, err
}

// sortedAs returns the name by which git sorts an entry.
func sortedAs(e object.TreeEntry) string {
	if e.Mode == filemode.Dir {
		return e.Name + "/"
	}
	return e.Name
}

func (m *merging) file(name string, base, ours, theirs entryOf) (entryOf, error) {
	var texts [3]string
	for i, side := range []entryOf{base, ours, theirs} {
		data, err := m.read(side.hash)
		if err != nil {
			return ours, fmt.Errorf("read %s: %w", name, err)
		}
		texts[i] = string(data)
	}
	text, fine := mergeLines(texts[0], texts[1], texts[2])
	if !fine {
		m.conflicts = append(m.conflicts, name)
		return ours, nil
	}
	mode := ours.mode
	if mode == base.mode {
		mode = theirs.mode
	}
	hash, err := m.add(func(o plumbing.EncodedObject) (err error) {
		o.SetType(plumbing.BlobObject)
		w, err := o.Writer()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, w.Close()) }()
		_, err = io.WriteString(w, text)
		return err
	})
	return entryOf{mode, hash}, err
}

func (m *merging) read(hash plumbing.Hash) (data []byte, err error) {
	blob, err := object.GetBlob(m.store, hash)
	if err != nil {
		return nil, err
	}
	reader, err := blob.Reader()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	return io.ReadAll(reader)
}

func (m *merging) add(encode func(plumbing.EncodedObject) error) (plumbing.Hash, error) {
	one := m.store.NewEncodedObject()
	if err := encode(one); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("merge: %w", err)
	}
	return m.store.SetEncodedObject(one)
}
