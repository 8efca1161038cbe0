// Package tree presents a commit, or a directory of this machine, as the file
// system that kustomize reads. It holds what source-controller archives and nothing
// else. It needs no checkout and writes nothing.
package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// Tree is the tree of a commit, or a directory of this machine. Paths begin at its
// root, with or without a slash. A Tree is safe for concurrent use, but two commits
// of one repository must not be read at the same time.
type Tree struct {
	source source
	// ignore is spec.ignore of the GitRepository.
	ignore string

	mutex sync.Mutex
	dirs  map[string]*archived
}

// source reads a tree. Its methods are called concurrently.
type source interface {
	// dir reads a directory. The root is "".
	dir(name string) (*object.Tree, error)
	// file returns the content of a file.
	file(name string, entry *object.TreeEntry) ([]byte, error)
	// hash returns git's hash of a file's content.
	hash(name string, entry *object.TreeEntry) plumbing.Hash
}

func newTree(from source) *Tree { return &Tree{source: from, dirs: map[string]*archived{}} }

// Archive returns the tree as source-controller archives it for a GitRepository
// with this spec.ignore. Without one, the tree is that archive already.
func (t *Tree) Archive(ignore string) *Tree {
	if ignore == t.ignore {
		return t
	}
	return &Tree{source: t.source, ignore: ignore, dirs: map[string]*archived{}}
}

// commit reads files from git's object store.
type commit struct {
	root  *object.Tree
	store storer.EncodedObjectStorer
	dirs  map[string]*object.Tree

	// reading guards all, since packs can't be read concurrently.
	reading sync.Mutex
	files   map[plumbing.Hash][]byte
}

// At returns the tree of a revision: a branch, a tag, a hash, or HEAD~3.
func At(repository *git.Repository, revision string) (*Tree, plumbing.Hash, error) {
	hash, err := Resolve(repository, revision)
	if err != nil {
		return nil, hash, err
	}
	found, err := repository.CommitObject(hash)
	if err != nil {
		return nil, hash, fmt.Errorf("read commit %s: %w", hash, err)
	}
	t, err := Of(repository, found.TreeHash)
	if err != nil {
		return nil, hash, fmt.Errorf("read commit %s: %w", hash, err)
	}
	return t, hash, nil
}

// Of returns the tree with the given hash.
func Of(repository *git.Repository, hash plumbing.Hash) (*Tree, error) {
	root, err := repository.TreeObject(hash)
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", hash, err)
	}
	return newTree(&commit{root: root, store: repository.Storer, files: map[plumbing.Hash][]byte{}, dirs: map[string]*object.Tree{}}), nil
}

// entry is the file or directory at a path.
type entry struct {
	// path is "" for the root.
	path string
	// dir is set for a directory, and file for a file.
	dir  *archived
	file *object.TreeEntry
}

// resolve returns the entry at a path. An error for what the archive leaves out names
// the reason, and matches fs.ErrNotExist too.
func (t *Tree) resolve(name string) (entry, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	at, dir, err := "", (*archived)(nil), error(nil)
	if dir, err = t.dir(nil, ""); err != nil {
		return entry{}, notFound(name)
	}
	rest := split(name)
	for i, step := range rest {
		at = path.Join(at, step)
		next, found := find(dir.kept, step)
		switch {
		case !found:
			return entry{}, dir.missing(at, step)
		case next.Mode == filemode.Dir:
			if dir, err = t.dir(dir, at); errors.Is(err, errSubmodule) {
				return entry{}, leftOut(at, err)
			} else if err != nil {
				return entry{}, notFound(name)
			}
		case i < len(rest)-1:
			return entry{}, notFound(name)
		default:
			return entry{path: at, file: next}, nil
		}
	}
	return entry{path: at, dir: dir}, nil
}

func notFound(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

func split(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// dir reads a directory. parent is nil for the root.
func (t *Tree) dir(parent *archived, name string) (*archived, error) {
	if known := t.dirs[name]; known != nil {
		return known, nil
	}
	all, err := t.source.dir(name)
	if err != nil {
		return nil, err
	}
	dir, err := t.archive(parent, name, all)
	if err == nil {
		t.dirs[name] = dir
	}
	return dir, err
}

func (c *commit) dir(name string) (*object.Tree, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	return c.read(name)
}

// read reads a directory. The caller holds reading.
func (c *commit) read(name string) (*object.Tree, error) {
	if name == "" {
		return c.root, nil
	}
	if known := c.dirs[name]; known != nil {
		return known, nil
	}
	parent, err := c.read(strings.Trim(path.Dir("/"+name), "/"))
	if err != nil {
		return nil, err
	}
	entry, found := find(parent, path.Base(name))
	if !found {
		return nil, notFound(name)
	}
	dir, err := object.GetTree(c.store, entry.Hash)
	if err != nil {
		return nil, fmt.Errorf("read tree %s: %w", entry.Hash, err)
	}
	c.dirs[name] = dir
	return dir, nil
}

func (c *commit) hash(_ string, entry *object.TreeEntry) plumbing.Hash { return entry.Hash }

func find(dir *object.Tree, name string) (*object.TreeEntry, bool) {
	for i := range dir.Entries {
		if dir.Entries[i].Name == name {
			return &dir.Entries[i], true
		}
	}
	return nil, false
}

// file reads an object by its hash, and caches it for all paths that share it.
func (c *commit) file(_ string, entry *object.TreeEntry) (data []byte, err error) {
	hash := entry.Hash
	c.reading.Lock()
	defer c.reading.Unlock()
	if known, found := c.files[hash]; found {
		return known, nil
	}
	file, err := object.GetBlob(c.store, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, errPartial
	}
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", hash, err)
	}
	reader, err := file.Reader()
	if err != nil {
		return nil, fmt.Errorf("read object %s: %w", hash, err)
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	if data, err = io.ReadAll(reader); err != nil {
		return nil, fmt.Errorf("read object %s: %w", hash, err)
	}
	c.files[hash] = data
	return data, nil
}

// ReadFile returns the content of a file. The caller must not change the bytes.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	e, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	if e.file == nil {
		return nil, fmt.Errorf("%s is a directory", name)
	}
	return t.source.file(e.path, e.file)
}

// ReadDir returns the names in a directory, in git's order.
func (t *Tree) ReadDir(name string) ([]string, error) {
	e, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	if e.dir == nil {
		return nil, fmt.Errorf("%s is no directory", name)
	}
	names := make([]string, len(e.dir.kept.Entries))
	for i := range e.dir.kept.Entries {
		names[i] = e.dir.kept.Entries[i].Name
	}
	return names, nil
}

// IsDir reports whether a path leads to a directory.
func (t *Tree) IsDir(name string) bool {
	e, err := t.resolve(name)
	return err == nil && e.dir != nil
}

// Exists reports whether a path leads to a file or directory.
func (t *Tree) Exists(name string) bool {
	_, err := t.resolve(name)
	return err == nil
}

// Hash returns the hash of the file or directory at a path. Equal hashes mean equal
// content. The hash is zero if the path does not exist, and for a directory of this
// machine.
func (t *Tree) Hash(name string) plumbing.Hash {
	e, err := t.resolve(name)
	switch {
	case err != nil:
		return plumbing.ZeroHash
	case e.dir != nil:
		return e.dir.hash()
	default:
		return t.source.hash(e.path, e.file)
	}
}
