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
	head    string
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
	hash := fmt.Sprintf("%x", sha1.Sum([]byte(word)))
	if _, made := h.commits[hash]; made {
		return hash
	}
	made := Commit{Hash: hash, Files: map[string]string{}, Changed: slices.Sorted(maps.Keys(files))}
	if h.head != "" {
		made.Parents = []string{h.head}
		maps.Copy(made.Files, h.commits[h.head].Files)
	}
	for path, content := range files {
		if made.Files[path] = content; content == "" {
			delete(made.Files, path)
		}
	}
	if h.commits == nil {
		h.commits = map[string]Commit{}
	}
	h.commits[hash], h.head = made, hash
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

// Log returns a commit and its first parents, newest first.
func (h *History) Log(hash string) []Commit {
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
