package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Repository is a git repository that is only read.
type Repository struct {
	git     *git.Repository
	storage *filesystem.Storage
	// program is the git program; empty walks with go-git.
	program string
	shallow map[plumbing.Hash]bool

	manifests      map[plumbing.Hash]*manifests
	rosters        map[plumbing.Hash]roster.Roster
	kustomizations map[plumbing.Hash]*kustomization
	rendered       map[string]map[string]Template
}

// Open opens the repository that a directory is in. With useProgram the git
// program does the walk over commits where there is one, which is faster; the
// outcome is the same.
func Open(directory string, useProgram bool) (*Repository, error) {
	repository, err := tree.Open(directory)
	if err != nil {
		return nil, err
	}
	storage := repository.Storer.(*filesystem.Storage) // as tree.Open makes it
	edges, err := storage.Shallow()
	if err != nil {
		return nil, fmt.Errorf("read where the clone ends: %w", err)
	}
	r := &Repository{
		git: repository, storage: storage, shallow: map[plumbing.Hash]bool{},
		manifests: map[plumbing.Hash]*manifests{}, rosters: map[plumbing.Hash]roster.Roster{}, kustomizations: map[plumbing.Hash]*kustomization{},
		rendered: map[string]map[string]Template{},
	}
	for _, edge := range edges {
		r.shallow[edge] = true
	}
	if program, err := exec.LookPath("git"); err == nil && useProgram {
		r.program = program
	}
	return r, nil
}

// Close gives back the files that were held open.
func (r *Repository) Close() error { return r.storage.Close() }

// Resolve is the commit that a revision names: a branch, a tag, HEAD~3, a hash.
func (r *Repository) Resolve(revision string) (plumbing.Hash, error) {
	hash, err := r.git.ResolveRevision(plumbing.Revision(revision))
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("no commit is called %q in this clone (%w): fetch it, or name another with --rev", revision, err)
	}
	return *hash, nil
}

// object is the content of an object.
func (r *Repository) object(kind plumbing.ObjectType, hash plumbing.Hash) ([]byte, error) {
	object, err := r.storage.EncodedObject(kind, hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		return nil, fmt.Errorf("this clone lacks the %s %s: fetch all of the history (git fetch --unshallow, or clone without --filter)", kind, hash)
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	reader, err := object.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	defer reader.Close()
	content := make([]byte, object.Size())
	if _, err := io.ReadFull(reader, content); err != nil {
		return nil, fmt.Errorf("read the %s %s: %w", kind, hash, err)
	}
	return content, nil
}

// header is what of a commit the walk needs.
type header struct{ tree, parent plumbing.Hash }

// header reads the first lines of a commit. At the edge of a shallow clone there
// is no parent.
func (r *Repository) header(commit plumbing.Hash) (header, error) {
	content, err := r.object(plumbing.CommitObject, commit)
	if err != nil {
		return header{}, err
	}
	var h header
	line, rest, _ := bytes.Cut(content, []byte("\n"))
	h.tree = plumbing.NewHash(string(bytes.TrimPrefix(line, []byte("tree "))))
	line, _, _ = bytes.Cut(rest, []byte("\n"))
	if parent, is := bytes.CutPrefix(line, []byte("parent ")); is && !r.shallow[commit] {
		h.parent = plumbing.NewHash(string(parent))
	}
	return h, nil
}

// entry is a file or a directory.
type entry struct {
	name string
	hash plumbing.Hash
	tree bool
	// plain is false for links and submodules, which are not followed.
	plain bool
}

const hashSize = 20

// entries calls for each entry of a tree until told to stop.
func entries(content []byte, yield func(mode, name []byte, hash []byte) bool) {
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

// list is what is in a directory.
func (r *Repository) list(tree plumbing.Hash) ([]entry, error) {
	content, err := r.object(plumbing.TreeObject, tree)
	if err != nil {
		return nil, err
	}
	var all []entry
	entries(content, func(mode, name, hash []byte) bool {
		e := entry{name: string(name), tree: bytes.Equal(mode, treeMode)}
		e.plain = e.tree || bytes.HasPrefix(mode, []byte("100"))
		copy(e.hash[:], hash)
		all = append(all, e)
		return true
	})
	return all, nil
}

// child finds one entry of a directory, without looking at the others.
func (r *Repository) child(tree plumbing.Hash, wanted string) (found entry, exists bool, err error) {
	content, err := r.object(plumbing.TreeObject, tree)
	if err != nil {
		return entry{}, false, err
	}
	entries(content, func(mode, name, hash []byte) bool {
		if string(name) != wanted {
			return true
		}
		found, exists = entry{name: wanted, tree: bytes.Equal(mode, treeMode)}, true
		found.plain = found.tree || bytes.HasPrefix(mode, []byte("100"))
		copy(found.hash[:], hash)
		return false
	})
	return found, exists, nil
}

// find is what lies at a path below a directory; not there is no error.
func (r *Repository) find(root plumbing.Hash, name string) (entry, bool, error) {
	at := entry{hash: root, tree: true, plain: true}
	if name == "." || name == "" {
		return at, true, nil
	}
	for step := range strings.SplitSeq(name, "/") {
		if !at.tree {
			return entry{}, false, nil
		}
		next, exists, err := r.child(at.hash, step)
		if err != nil || !exists {
			return entry{}, false, err
		}
		at = next
	}
	return at, true, nil
}

// clean is a path below the root of the repository; false for one that leads out.
func clean(name string) (string, bool) {
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../") && !path.IsAbs(name)
}

// cover drops paths that lie below others, and sorts.
func cover(paths []string) []string {
	slices.Sort(paths)
	var kept []string
	for _, p := range slices.Compact(paths) {
		if !slices.ContainsFunc(kept, func(k string) bool { return k == "." || strings.HasPrefix(p, k+"/") }) {
			kept = append(kept, p)
		}
	}
	return kept
}

// Shallow reports whether the clone holds only part of the history.
func (r *Repository) Shallow() bool { return len(r.shallow) > 0 }
