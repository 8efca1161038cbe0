package history

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Repository reads a git repository. It never writes to it.
type Repository struct {
	git     *git.Repository
	storage *filesystem.Storage
	// program is the path of the git program. If empty, the walk uses go-git.
	program string
	shallow map[plumbing.Hash]bool

	manifests      map[plumbing.Hash]*manifests
	rosters        map[plumbing.Hash]roster.Roster
	kustomizations map[plumbing.Hash]*kustomization
	rendered       map[string]map[string]TemplateVersion
}

// Open opens the repository that contains directory. With useProgram, the git
// program walks over the commits if it is installed. That is faster and gives the
// same result.
func Open(directory string, useProgram bool) (*Repository, error) {
	repository, err := tree.Open(directory)
	if err != nil {
		return nil, err
	}
	return New(repository, useProgram)
}

// New returns a reader of a repository that tree.Open returned.
func New(repository *git.Repository, useProgram bool) (*Repository, error) {
	storage := repository.Storer.(*filesystem.Storage) // tree.Open returns this type
	edges, err := storage.Shallow()
	if err != nil {
		return nil, fmt.Errorf("read where the clone ends: %w", err)
	}
	r := &Repository{
		git: repository, storage: storage, shallow: map[plumbing.Hash]bool{},
		manifests: map[plumbing.Hash]*manifests{}, rosters: map[plumbing.Hash]roster.Roster{}, kustomizations: map[plumbing.Hash]*kustomization{},
		rendered: map[string]map[string]TemplateVersion{},
	}
	for _, edge := range edges {
		r.shallow[edge] = true
	}
	if program, err := exec.LookPath("git"); err == nil && useProgram {
		r.program = program
	}
	return r, nil
}

// Close closes the open files of the repository.
func (r *Repository) Close() error { return r.storage.Close() }

// Resolve returns the commit that a revision names: a branch, a tag, HEAD~3 or a
// hash.
func (r *Repository) Resolve(revision string) (plumbing.Hash, error) {
	return tree.Resolve(r.git, revision)
}

// object returns the content of an object.
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

// header holds the parts of a commit that the walk needs.
type header struct {
	tree, parent plumbing.Hash
	// committed is the time of the committer, in seconds since 1970.
	committed int64
}

// header reads the first lines of a commit. The parent is zero at the edge of a
// shallow clone.
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
	if _, committer, is := bytes.Cut(content, []byte("\ncommitter ")); is {
		line, _, _ = bytes.Cut(committer, []byte("\n"))
		// The name may hold anything; the time and the zone are the last two words.
		if words := bytes.Fields(line); len(words) > 1 {
			h.committed, _ = strconv.ParseInt(string(words[len(words)-2]), 10, 64)
		}
	}
	return h, nil
}

// entry is a file or a directory.
type entry struct {
	name string
	hash plumbing.Hash
	tree bool
	// plain is false for symbolic links and submodules, which are not followed.
	plain bool
}

const hashSize = 20

// entries calls yield for each entry of a tree until yield returns false.
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

// list returns the entries of a directory.
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

// child returns one entry of a directory without parsing the others.
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

// find returns the entry at a path below root. A missing entry is not an error.
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

// clean returns the cleaned path. It returns false if the path leaves the
// repository.
func clean(name string) (string, bool) {
	name = path.Clean(name)
	return name, name != ".." && !strings.HasPrefix(name, "../") && !path.IsAbs(name)
}

// cover sorts paths and drops those below others.
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

// Shallow reports whether the clone contains only part of the history.
func (r *Repository) Shallow() bool { return len(r.shallow) > 0 }
