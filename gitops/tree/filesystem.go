package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// errReadOnly is returned by every write.
var errReadOnly = errors.New("a commit can't be written to")

// FileSystem is a Tree in the form that kustomize reads, with files laid over it.
// The files are those that Flux adds to a directory before building it.
type FileSystem struct {
	tree *Tree
	over map[string][]byte
}

var _ filesys.FileSystem = (*FileSystem)(nil)

// FileSystem returns the tree without files laid over it.
func (t *Tree) FileSystem() *FileSystem { return &FileSystem{tree: t} }

// With returns a copy of the file system with one more file laid over it.
func (f *FileSystem) With(name string, data []byte) *FileSystem {
	over := map[string][]byte{clean(name): data}
	for other, content := range f.over {
		if other != clean(name) {
			over[other] = content
		}
	}
	return &FileSystem{tree: f.tree, over: over}
}

func clean(name string) string { return path.Clean("/" + name) }

// ReadFile returns the content of a file.
func (f *FileSystem) ReadFile(name string) ([]byte, error) {
	if data, found := f.over[clean(name)]; found {
		return slices.Clone(data), nil
	}
	data, err := f.tree.ReadFile(name)
	return slices.Clone(data), err
}

// Plain returns the content of a file of the tree, without the files laid over it. The
// caller must not change the bytes.
func (f *FileSystem) Plain(name string) ([]byte, error) { return f.tree.ReadFile(name) }

// Hash returns the hash of a file or directory of the tree, or of a file laid over
// it. It is zero in the same cases as Tree.Hash.
func (f *FileSystem) Hash(name string) plumbing.Hash {
	if data, found := f.over[clean(name)]; found {
		return plumbing.ComputeHash(plumbing.BlobObject, data)
	}
	return f.tree.Hash(name)
}

// Exists reports whether a file or directory exists.
func (f *FileSystem) Exists(name string) bool {
	_, found := f.over[clean(name)]
	return found || f.tree.Exists(name)
}

// IsDir reports whether name is a directory.
func (f *FileSystem) IsDir(name string) bool { return f.tree.IsDir(name) }

// ReadDir returns the names in a directory, sorted.
func (f *FileSystem) ReadDir(name string) ([]string, error) {
	names, err := f.tree.ReadDir(name)
	if err != nil {
		return nil, err
	}
	for other := range f.over {
		if path.Dir(other) == clean(name) && !slices.Contains(names, path.Base(other)) {
			names = append(names, path.Base(other))
		}
	}
	slices.Sort(names)
	return names, nil
}

// CleanedAbs splits a path into a directory and, if it is a file, the file's name.
func (f *FileSystem) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	if _, found := f.over[clean(name)]; found {
		return filesys.ConfirmedDir(path.Dir(clean(name))), path.Base(clean(name)), nil
	}
	e, err := f.tree.resolve(name)
	if err != nil {
		return "", "", err
	}
	if e.dir != nil {
		return filesys.ConfirmedDir("/" + e.path), "", nil
	}
	return filesys.ConfirmedDir(path.Dir("/" + e.path)), path.Base(e.path), nil
}

// Glob returns the names that match a pattern.
func (f *FileSystem) Glob(pattern string) ([]string, error) {
	var found []string
	dir := path.Dir(pattern)
	if strings.ContainsAny(dir, `*?[\`) {
		return nil, fmt.Errorf("the pattern %s has a wildcard in a directory, which is not supported: name the directory", pattern)
	}
	names, err := f.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		matched, err := path.Match(path.Base(pattern), name)
		if err != nil {
			return nil, fmt.Errorf("the pattern %s: %w", pattern, err)
		}
		if matched {
			found = append(found, path.Join(dir, name))
		}
	}
	return found, nil
}

// Walk visits everything below a path, in order.
func (f *FileSystem) Walk(name string, visit filepath.WalkFunc) error {
	err := f.walk(name, visit)
	if errors.Is(err, filepath.SkipDir) || errors.Is(err, filepath.SkipAll) {
		return nil
	}
	return err
}

func (f *FileSystem) walk(name string, visit filepath.WalkFunc) error {
	if !f.Exists(name) {
		return visit(name, nil, notFound(name))
	}
	if err := visit(name, info{name: path.Base(name), dir: f.IsDir(name)}, nil); err != nil || !f.IsDir(name) {
		return err
	}
	names, err := f.ReadDir(name)
	if err != nil {
		return err
	}
	for _, child := range names {
		err := f.walk(path.Join(name, child), visit)
		if errors.Is(err, filepath.SkipDir) && f.IsDir(path.Join(name, child)) {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Open opens a file for reading.
func (f *FileSystem) Open(name string) (filesys.File, error) {
	data, err := f.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &file{Reader: bytes.NewReader(data), info: info{name: path.Base(name), size: int64(len(data))}}, nil
}

// Create always fails, because a tree is read-only.
func (f *FileSystem) Create(string) (filesys.File, error) { return nil, errReadOnly }

// Mkdir always fails.
func (f *FileSystem) Mkdir(string) error { return errReadOnly }

// MkdirAll always fails.
func (f *FileSystem) MkdirAll(string) error { return errReadOnly }

// RemoveAll always fails.
func (f *FileSystem) RemoveAll(string) error { return errReadOnly }

// WriteFile always fails.
func (f *FileSystem) WriteFile(string, []byte) error { return errReadOnly }

type file struct {
	*bytes.Reader
	info info
}

func (f *file) Close() error               { return nil }
func (f *file) Write([]byte) (int, error)  { return 0, errReadOnly }
func (f *file) Stat() (fs.FileInfo, error) { return f.info, nil }

type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) IsDir() bool        { return i.dir }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
