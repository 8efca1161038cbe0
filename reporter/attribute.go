package reporter

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"

	"github.com/carrel-dev/carrel/forge"
)

// maxRead bounds the kustomization.yaml files that are read to find the bases of a course.
const maxRead = 20

// attribute asks the forge which of the commits that Flux passed changed the course. It
// returns nil if the forge does not show them: the token may not read the repository, or
// the base was forced away. The newest commit then has the mark.
func attribute(ctx context.Context, from forge.History, q Question, of Paths) (*Attribution, error) {
	var between []string
	for _, base := range q.Bases {
		passed, err := from.Between(ctx, base, q.Head)
		if unknowable(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if len(passed) > len(between) {
			between = passed
		}
	}
	if len(between) == 1 && !q.Retried {
		return &Attribution{Commit: between[0]}, nil
	}
	touching, err := touchingOf(ctx, from, between, q.Head, of)
	switch {
	case unknowable(err):
		return nil, nil
	case err != nil:
		return nil, err
	case len(touching) > 0:
		return &Attribution{Commit: touching[0], Superseded: touching[1:]}, nil
	case q.Retried || len(between) == 0:
		return &Attribution{Foreign: true}, nil
	}
	return nil, nil // something else changed what Flux renders
}

// unknowable reports whether asking again would not help.
func unknowable(err error) bool {
	return errors.Is(err, forge.ErrNotFound) || errors.Is(err, forge.ErrUnauthorized)
}

// touchingOf returns the commits that touch the course.
func touchingOf(ctx context.Context, from forge.History, commits []string, head string, of Paths) (touching []string, err error) {
	if len(commits) == 0 {
		return nil, nil
	}
	if of, err = withBases(ctx, from, head, of); err != nil {
		return nil, err
	}
	for _, commit := range commits {
		files, err := from.Changed(ctx, commit)
		if err != nil {
			return nil, err
		}
		if of.touched(files) {
			touching = append(touching, commit)
		}
	}
	return touching, nil
}

// withBases adds what the directories of a course take from elsewhere.
func withBases(ctx context.Context, from forge.History, head string, of Paths) (Paths, error) {
	queue, seen := append([]string{}, of.Deep...), map[string]bool{}
	for len(queue) > 0 && len(seen) < maxRead {
		dir := queue[0]
		queue = queue[1:]
		if seen[dir] {
			continue
		}
		seen[dir] = true
		content, err := from.Content(ctx, head, path.Join(dir, "kustomization.yaml"))
		if errors.Is(err, forge.ErrNotFound) {
			continue
		}
		if err != nil {
			return of, err
		}
		for _, named := range outsideOf(dir, content) {
			if ext := path.Ext(named); ext != "" && !strings.Contains(ext, "/") {
				of.Files = append(of.Files, named)
				continue
			}
			of.Deep = append(of.Deep, named)
			queue = append(queue, named)
		}
	}
	return of, nil
}

// remembering answers from memory what it has asked before. Commits do not change, and many
// courses ask about the same ones.
type remembering struct {
	forge.History
	// prefix tells repositories apart.
	prefix string
	memory *historyMemory
}

// maxRemembered bounds the answers that are kept. All are dropped when there are more.
const maxRemembered = 2000

type historyMemory struct {
	mu      sync.Mutex
	answers map[string]reply
}

type reply struct {
	words []string
	text  []byte
	err   error
}

func (m *historyMemory) get(key string, ask func() reply) reply {
	m.mu.Lock()
	defer m.mu.Unlock() // the courses of one forge ask one after the other
	if known, found := m.answers[key]; found {
		return known
	}
	given := ask()
	if given.err != nil && !errors.Is(given.err, forge.ErrNotFound) {
		return given
	}
	if m.answers == nil || len(m.answers) >= maxRemembered {
		m.answers = map[string]reply{}
	}
	m.answers[key] = given
	return given
}

func (r remembering) Between(ctx context.Context, base, head string) ([]string, error) {
	a := r.memory.get(r.prefix+" between "+base+" "+head, func() (a reply) {
		a.words, a.err = r.History.Between(ctx, base, head)
		return a
	})
	return a.words, a.err
}

func (r remembering) Changed(ctx context.Context, commit string) ([]string, error) {
	a := r.memory.get(r.prefix+" changed "+commit, func() (a reply) {
		a.words, a.err = r.History.Changed(ctx, commit)
		return a
	})
	return a.words, a.err
}

func (r remembering) Content(ctx context.Context, commit, path string) ([]byte, error) {
	a := r.memory.get(r.prefix+" content "+commit+" "+path, func() (a reply) {
		a.text, a.err = r.History.Content(ctx, commit, path)
		return a
	})
	return a.text, a.err
}

// attributions keep the answer to the last question about each course.
type attributions struct{ found sync.Map }

type attributed struct {
	question string
	answer   *Attribution
}

func (a *attributions) of(course any, q Question) (answer *Attribution, known bool) {
	value, found := a.found.Load(course)
	if last, _ := value.(attributed); found && last.question == q.Key() {
		return last.answer, true
	}
	return nil, false
}
