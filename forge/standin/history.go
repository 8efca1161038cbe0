// Package standin provides what the servers that replace forges in tests have in common.
package standin

import (
	"crypto/sha1"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// A Commit is one commit of a History.
type Commit struct {
	Hash string
	// Parents are the hashes of its parents, that of its own branch first.
	Parents []string
	// Changed are the paths that differ from the first parent, sorted.
	Changed []string
	// Files are all files by path.
	Files map[string]string
}

// History is the history of a repository. Its zero value is empty.
type History struct {
	mu      sync.Mutex
	commits map[string]Commit
	// order has the hashes as the commits were made.
	order []string
	head  string
}

// Commit adds a commit that changes a course named own, on top of the newest one. It returns the hash, which
// is derived from the word, also if there is such a commit already.
func (h *History) Commit(word string) string {
	return h.Write(word, map[string]string{"courses/own/roster/" + word: word, "courses/own/templates/" + word: word})
}

// Write adds a commit that writes files on top of the newest one. Empty content removes a
// file.
func (h *History) Write(word string, files map[string]string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.head = h.add(word, files, h.head)
	return h.head
}

// Merge adds a commit that writes files on a branch of its own, and one that merges the
// branch. It returns the hash of the merge commit.
func (h *History) Merge(word string, files map[string]string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	branch := h.add("branch of "+word, files, h.head)
	h.head = h.add(word, files, h.head, branch)
	return h.head
}

// add adds a commit with these parents, and returns the hash. Empty hashes are no parents.
func (h *History) add(word string, files map[string]string, parents ...string) string {
	hash := fmt.Sprintf("%x", sha1.Sum([]byte(word)))
	if _, made := h.commits[hash]; made {
		return hash
	}
	made := Commit{Hash: hash, Files: map[string]string{}, Changed: slices.Sorted(maps.Keys(files))}
	made.Parents = slices.DeleteFunc(parents, func(parent string) bool { return parent == "" })
	if len(made.Parents) > 0 {
		maps.Copy(made.Files, h.commits[made.Parents[0]].Files)
	}
	for path, content := range files {
		if made.Files[path] = content; content == "" {
			delete(made.Files, path)
		}
	}
	if h.commits == nil {
		h.commits = map[string]Commit{}
	}
	h.commits[hash] = made
	h.order = append(h.order, hash)
	return hash
}

// Forget removes a commit, as a force-push does. The next commit is on top of its parent.
func (h *History) Forget(hash string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if gone := h.commits[hash]; h.head == hash {
		h.head = ""
		if len(gone.Parents) > 0 {
			h.head = gone.Parents[0]
		}
	}
	delete(h.commits, hash)
	h.order = slices.DeleteFunc(h.order, func(made string) bool { return made == hash })
}

// Find returns a commit.
func (h *History) Find(hash string) (Commit, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, known := h.commits[hash]
	return found, known
}

// Has reports whether there is a commit.
func (h *History) Has(hash string) bool {
	_, known := h.Find(hash)
	return known
}

// FirstParents returns a commit and its first parents, newest first.
func (h *History) FirstParents(hash string) []Commit {
	h.mu.Lock()
	defer h.mu.Unlock()
	var log []Commit
	for {
		commit, known := h.commits[hash]
		if !known {
			return log
		}
		log = append(log, commit)
		if len(commit.Parents) == 0 {
			return log
		}
		hash = commit.Parents[0]
	}
}

// Log returns a commit and all before it, newest first, with those of merged branches among
// them.
func (h *History) Log(hash string) []Commit {
	h.mu.Lock()
	defer h.mu.Unlock()
	reached := map[string]bool{}
	for queue := []string{hash}; len(queue) > 0; queue = queue[1:] {
		if commit, known := h.commits[queue[0]]; known && !reached[commit.Hash] {
			reached[commit.Hash] = true
			queue = append(queue, commit.Parents...)
		}
	}
	var log []Commit
	for _, made := range slices.Backward(h.order) {
		if reached[made] {
			log = append(log, h.commits[made])
		}
	}
	return log
}
