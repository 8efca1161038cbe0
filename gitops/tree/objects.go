package tree

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// Objects reads the objects of a repository by their hashes. It decodes no more of a
// directory than what is asked for, so that walking over thousands of commits is quick.
type Objects struct{ storage storer.EncodedObjectStorer }

// ObjectsOf returns the objects of a repository.
func ObjectsOf(repository *git.Repository) *Objects { return &Objects{repository.Storer} }

// Read returns the content of an object.
func (o *Objects) Read(kind plumbing.ObjectType, hash plumbing.Hash) ([]byte, error) {
	found, err := o.storage.EncodedObject(kind, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("this clone lacks the %s %s: fetch all of the history (git fetch --unshallow, or clone without --filter)", kind, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	reader, err := found.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	defer reader.Close()
	content := make([]byte, found.Size())
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	return content, nil
}

// Entry is a file or a directory.
type Entry struct {
	Name string
	Hash plumbing.Hash
	Tree bool
	// Plain is false for symbolic links and submodules, which are not followed.
	Plain bool
}

const hashSize = 20

// eachEntry calls yield for each entry of a tree until yield returns false.
func eachEntry(content []byte, yield func(mode, name []byte, hash []byte) bool) {
	for len(content) > 0 {
		space := bytes.IndexByte(content, ' ')
		if space < 0 {
			return
		}
		end := bytes.IndexByte(content[space:], 0)
		if end < 0 || len(content) < space+end+1+hashSize {
			return
		}
		end += space
		if !yield(content[:space], content[space+1:end], content[end+1:end+1+hashSize]) {
			return
		}
		content = content[end+1+hashSize:]
	}
}

var treeMode = []byte("40000")

// List returns the entries of a directory.
func (o *Objects) List(tree plumbing.Hash) ([]Entry, error) {
	content, err := o.Read(plumbing.TreeObject, tree)
	if err != nil {
		return nil, err
	}
	var all []Entry
	eachEntry(content, func(mode, name, hash []byte) bool {
		e := Entry{Name: string(name), Tree: bytes.Equal(mode, treeMode)}
		e.Plain = e.Tree || bytes.HasPrefix(mode, []byte("100"))
		copy(e.Hash[:], hash)
		all = append(all, e)
		return true
	})
	return all, nil
}

// Child returns one entry of a directory without parsing the others.
func (o *Objects) Child(tree plumbing.Hash, wanted string) (found Entry, exists bool, err error) {
	content, err := o.Read(plumbing.TreeObject, tree)
	if err != nil {
		return Entry{}, false, err
	}
	eachEntry(content, func(mode, name, hash []byte) bool {
		if string(name) != wanted {
			return true
		}
		found, exists = Entry{Name: wanted, Tree: bytes.Equal(mode, treeMode)}, true
		found.Plain = found.Tree || bytes.HasPrefix(mode, []byte("100"))
		copy(found.Hash[:], hash)
		return false
	})
	return found, exists, nil
}

// Find returns the entry at a path below root. A missing entry is not an error.
func (o *Objects) Find(root plumbing.Hash, name string) (Entry, bool, error) {
	at := Entry{Hash: root, Tree: true, Plain: true}
	if name == "." || name == "" {
		return at, true, nil
	}
	for step := range strings.SplitSeq(name, "/") {
		if !at.Tree {
			return Entry{}, false, nil
		}
		next, exists, err := o.Child(at.Hash, step)
		if err != nil || !exists {
			return Entry{}, false, err
		}
		at = next
	}
	return at, true, nil
}
