package history

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Repository reads a git repository. It never writes to it.
type Repository struct {
	git     *git.Repository
	storage *filesystem.Storage
	objects *tree.Objects
	// classes reads the classes of commits.
	classes *class.Reader
	// program is the path of the git program. If empty, the walk uses go-git.
	program string
	shallow map[plumbing.Hash]bool

	walks map[walked][]point
	// rendered holds the Templates of directories, by the hashes of what they are built
	// from.
	rendered map[string]map[string]TemplateVersion
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
		git: repository, storage: storage, objects: tree.ObjectsOf(repository), classes: class.NewReader(repository), shallow: map[plumbing.Hash]bool{},
		walks: map[walked][]point{}, rendered: map[string]map[string]TemplateVersion{},
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

// header holds the parts of a commit that the walk needs.
type header struct {
	tree, parent plumbing.Hash
	// committed is the time of the committer, in seconds since 1970.
	committed int64
}

// header reads the first lines of a commit. The parent is zero at the edge of a
// shallow clone.
func (r *Repository) header(commit plumbing.Hash) (header, error) {
	content, err := r.objects.Read(plumbing.CommitObject, commit)
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

// Shallow reports whether the clone contains only part of the history.
func (r *Repository) Shallow() bool { return len(r.shallow) > 0 }
