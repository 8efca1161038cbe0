// Package tree presents a commit, or a directory of this machine, as the file
// system that kustomize reads. It needs no checkout and writes nothing.
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

// maxLinks is the maximum number of symbolic links in a path.
const maxLinks = 40

// Tree is the tree of a commit, or a directory of this machine. Paths begin at its
// root, with or without a slash. A Tree is safe for concurrent use, but two commits
// of one repository must not be read at the same time.
type Tree struct {
	source source

	mutex sync.Mutex
	dirs  map[string]*object.Tree
}

// source reads a tree, by paths without links. file and hash are called
// concurrently, dir is not.
type source interface {
	// dir reads a directory. The root is "".
	dir(name string) (*object.Tree, error)
	// file returns the content of a file, or the target of a link.
	file(name string, entry *object.TreeEntry) ([]byte, error)
	// hash returns git's hash of a file's content.
	hash(name string, entry *object.TreeEntry) plumbing.Hash
}

func newTree(from source) *Tree { return &Tree{source: from, dirs: map[string]*object.Tree{}} }

// commit reads files from git's object store.
type commit struct {
	root  *object.Tree
	store storer.EncodedObjectStorer
	dirs  map[string]*object.Tree

	// reading guards store, whose packs can't be read concurrently.
	reading sync.Mutex
	files   map[plumbing.Hash][]byte
}

// At returns the tree of a revision: a branch, a tag, a hash, or HEAD~3. If the
// revision is missing, as in a shallow clone, the error matches
// plumbing.ErrReferenceNotFound or ErrObjectNotFound.
func At(repository *git.Repository, revision string) (*Tree, plumbing.Hash, error) {
	hash, err := repository.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("find the revision %q: %w", revision, err)
	}
	found, err := repository.CommitObject(*hash)
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("read commit %s: %w", hash, err)
	}
	root, err := found.Tree()
	if err != nil {
		return nil, plumbing.ZeroHash, fmt.Errorf("read the tree of commit %s: %w", hash, err)
	}
	return newTree(&commit{root: root, store: repository.Storer, files: map[plumbing.Hash][]byte{}, dirs: map[string]*object.Tree{}}), *hash, nil
}

// entry is the file or directory at a path after following links.
type entry struct {
	// path contains no links. It is "" for the root.
	path string
	// dir is set for a directory, and file for a file.
	dir  *object.Tree
	file *object.TreeEntry
}

// resolve returns the entry at a path. It follows symbolic links.
func (t *Tree) resolve(name string) (entry, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	rest, done, links := split(name), "", 0
	for len(rest) > 0 {
		dir, err := t.dir(done)
		if err != nil {
			return entry{}, notFound(name)
		}
		next, found := find(dir, rest[0])
		if !found {
			return entry{}, notFound(name)
		}
		at := path.Join(done, rest[0])
		rest = rest[1:]
		switch {
		case next.Mode == filemode.Symlink:
			if links++; links > maxLinks {
				return entry{}, fmt.Errorf("%s leads through more than %d symbolic links", name, maxLinks)
			}
			target, err := t.target(at, next)
			if err != nil {
				return entry{}, fmt.Errorf("the symbolic link %s: %w", at, err)
			}
			rest, done = append(split(target), rest...), ""
		case next.Mode == filemode.Dir:
			done = at
		case len(rest) > 0:
			return entry{}, notFound(name)
		default:
			return entry{path: at, file: next}, nil
		}
	}
	dir, err := t.dir(done)
	if err != nil {
		return entry{}, notFound(name)
	}
	return entry{path: done, dir: dir}, nil
}

// target returns the path to which a link points, from the root.
func (t *Tree) target(at string, link *object.TreeEntry) (string, error) {
	data, err := t.source.file(at, link)
	if err != nil {
		return "", err
	}
	target := string(data)
	joined := path.Join(path.Dir(at), target)
	if path.IsAbs(target) || joined == ".." || strings.HasPrefix(joined, "../") {
		return "", fmt.Errorf("it leads out of the repository, to %s: copy what is there", target)
	}
	return joined, nil
}

func notFound(name string) error { return fmt.Errorf("%s: %w", name, fs.ErrNotExist) }

func split(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// dir reads a directory by its path without links.
func (t *Tree) dir(name string) (*object.Tree, error) {
	if known := t.dirs[name]; known != nil {
		return known, nil
	}
	dir, err := t.source.dir(name)
	if err != nil {
		return nil, err
	}
	t.dirs[name] = dir
	return dir, nil
}

func (c *commit) dir(name string) (*object.Tree, error) {
	if name == "" {
		return c.root, nil
	}
	if known := c.dirs[name]; known != nil {
		return known, nil
	}
	parent, err := c.dir(strings.Trim(path.Dir("/"+name), "/"))
	if err != nil {
		return nil, err
	}
	entry, found := find(parent, path.Base(name))
	if !found {
		return nil, notFound(name)
	}
	c.reading.Lock()
	dir, err := object.GetTree(c.store, entry.Hash)
	c.reading.Unlock()
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
	names := make([]string, len(e.dir.Entries))
	for i := range e.dir.Entries {
		names[i] = e.dir.Entries[i].Name
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
		return e.dir.Hash
	default:
		return t.source.hash(e.path, e.file)
	}
}
