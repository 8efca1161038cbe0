package history

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// changed returns the commits whose content at paths differs from that of their
// first parent, newest first. Both implementations return the same commits.
func (r *Repository) changed(ctx context.Context, from plumbing.Hash, paths []string, since time.Time) iter.Seq2[plumbing.Hash, error] {
	if r.program != "" {
		return r.changedByProgram(ctx, from, paths)
	}
	return r.changedByObjects(ctx, from, paths, since)
}

// changedByProgram walks with the git program.
func (r *Repository) changedByProgram(ctx context.Context, from plumbing.Hash, paths []string) iter.Seq2[plumbing.Hash, error] {
	return func(yield func(plumbing.Hash, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		arguments := []string{"--git-dir=" + r.directoryOfGit(), "--no-replace-objects", "--literal-pathspecs", "rev-list", "--first-parent", from.String(), "--"}
		command := exec.CommandContext(ctx, r.program, append(arguments, paths...)...)
		command.Dir = r.directoryOfGit()
		// The git program must neither refresh the index nor fetch objects that a
		// partial clone lacks.
		command.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "LC_ALL=C")
		var said bytes.Buffer
		command.Stderr = &said
		out, err := command.StdoutPipe()
		if err == nil {
			err = command.Start()
		}
		if err != nil {
			yield(plumbing.ZeroHash, fmt.Errorf("run the git program: %w", err))
			return
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if !yield(plumbing.NewHash(lines.Text()), nil) {
				stop()
				_ = command.Wait() // killed by stop
				return
			}
		}
		if err := command.Wait(); err != nil {
			yield(plumbing.ZeroHash, fmt.Errorf("the git program fails (%w): %s; --no-git-program does without it", err, strings.TrimSpace(said.String())))
		}
	}
}

// directoryOfGit returns the repository's directory. When the git program runs
// there, it takes paths from the root of a commit.
func (r *Repository) directoryOfGit() string { return r.storage.Filesystem().Root() }

// changedByObjects compares the hashes of the objects at the paths.
func (r *Repository) changedByObjects(ctx context.Context, from plumbing.Hash, paths []string, since time.Time) iter.Seq2[plumbing.Hash, error] {
	return func(yield func(plumbing.Hash, error) bool) {
		w := &watcher{repository: r, paths: paths}
		at := from
		now, err := w.hashesAt(from)
		for err == nil && ctx.Err() == nil {
			before := watched{found: make([]plumbing.Hash, len(paths))}
			if now.parent != plumbing.ZeroHash {
				before, err = w.hashesAt(now.parent)
			}
			if err != nil {
				break
			}
			if !slices.Equal(now.found, before.found) && !yield(at, nil) {
				return
			}
			if now.parent == plumbing.ZeroHash || now.committed < since.Unix() && !since.IsZero() {
				return
			}
			at, now = now.parent, before
		}
		if err == nil {
			err = ctx.Err()
		}
		yield(plumbing.ZeroHash, err)
	}
}

// watcher reads the hashes at some paths, commit after commit.
type watcher struct {
	repository *Repository
	paths      []string
	root       plumbing.Hash
	found      []plumbing.Hash
	// steps caches the object to which each directory led. It mostly stays the same
	// from one commit to the next.
	steps map[string]step
}

type step struct{ from, to plumbing.Hash }

// watched holds the hashes at the paths at one commit.
type watched struct {
	parent    plumbing.Hash
	found     []plumbing.Hash
	committed int64
}

func (w *watcher) hashesAt(commit plumbing.Hash) (watched, error) {
	h, err := w.repository.header(commit)
	if err != nil {
		return watched{}, err
	}
	if w.found != nil && h.tree == w.root {
		return watched{h.parent, w.found, h.committed}, nil
	}
	if w.steps == nil {
		w.steps = map[string]step{}
	}
	found := make([]plumbing.Hash, len(w.paths))
	for i, p := range w.paths {
		if found[i], err = w.descend(h.tree, p); err != nil {
			return watched{}, err
		}
	}
	w.root, w.found = h.tree, found
	return watched{h.parent, found, h.committed}, nil
}

// descend returns the hash of the object at a path. It returns zero if there is
// none.
func (w *watcher) descend(at plumbing.Hash, name string) (plumbing.Hash, error) {
	if name == "." {
		return at, nil
	}
	for end := 0; end < len(name) && at != plumbing.ZeroHash; end++ {
		begin := end
		if next := strings.IndexByte(name[begin:], '/'); next >= 0 {
			end = begin + next
		} else {
			end = len(name)
		}
		if known, is := w.steps[name[:end]]; is && known.from == at {
			at = known.to
			continue
		}
		found, exists, err := w.repository.objects.Child(at, name[begin:end])
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if exists && end < len(name) && !found.Tree {
			found.Hash = plumbing.ZeroHash
		}
		w.steps[name[:end]] = step{at, found.Hash}
		at = found.Hash
	}
	return at, nil
}
