package tree

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// directory reads files that are not committed.
type directory struct{ root fs.FS }

// Directory returns the tree of a directory of this machine. The tree includes
// files that are not committed or that git ignores. Every ReadFile reads the file
// again.
func Directory(name string) (*Tree, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open the directory: %w", err)
	}
	return newTree(directory{root.FS()}), nil
}

func (d directory) dir(name string) (*object.Tree, error) {
	inside := filepath.ToSlash(name)
	if inside == "" {
		inside = "."
	}
	found, err := fs.ReadDir(d.root, inside)
	if err != nil {
		return nil, err
	}
	dir := &object.Tree{}
	for _, one := range found {
		if one.Name() == ".git" {
			if name != "" {
				return nil, errSubmodule
			}
			continue
		}
		if mode, known := modeOf(one.Type()); known {
			dir.Entries = append(dir.Entries, object.TreeEntry{Name: one.Name(), Mode: mode})
		}
	}
	slices.SortFunc(dir.Entries, func(a, b object.TreeEntry) int { return strings.Compare(a.Name, b.Name) })
	return dir, nil
}

// modeOf returns git's mode for a kind of file. It returns false for sockets and
// other kinds that git can't store.
func modeOf(mode fs.FileMode) (filemode.FileMode, bool) {
	switch {
	case mode.IsDir():
		return filemode.Dir, true
	case mode&fs.ModeSymlink != 0:
		return filemode.Symlink, true
	default:
		return filemode.Regular, mode.IsRegular()
	}
}

func (d directory) file(name string, _ *object.TreeEntry) ([]byte, error) {
	return fs.ReadFile(d.root, name)
}

func (d directory) hash(name string, entry *object.TreeEntry) plumbing.Hash {
	data, err := d.file(name, entry)
	if err != nil {
		return plumbing.ZeroHash
	}
	return plumbing.ComputeHash(plumbing.BlobObject, data)
}
