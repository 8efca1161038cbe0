package program

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carrel-dev/carrel/devcluster/filelock"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// Cache is the directory built things are kept in.
type Cache string

// DefaultCache returns $CARREL_CACHE, or carrel in the user's cache directory.
func DefaultCache() (Cache, error) {
	if directory := os.Getenv("CARREL_CACHE"); directory != "" {
		absolute, err := filepath.Abs(directory)
		return Cache(absolute), err
	}
	directory, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory for built programs: %w; set CARREL_CACHE", err)
	}
	return Cache(filepath.Join(directory, "carrel")), nil
}

// Build returns the directory that holds the set's binaries, their links and
// their data, building them first if they are not cached.
func (c Cache) Build(ctx context.Context, report progress.Sink, s Set) (string, error) {
	id, err := s.identify()
	if err != nil {
		return "", err
	}
	if c.Has(id.entry) {
		return filepath.Join(string(c), id.entry), nil
	}
	compiler, err := c.compiler(ctx, report, s, id)
	if err != nil {
		return "", err
	}
	return c.Entry(ctx, report, id.entry, s.Step(), func(step *progress.Step, directory string) error {
		return compiler.build(ctx, step, directory)
	})
}

// Built reports whether s is in the cache.
func (c Cache) Built(s Set) (bool, error) {
	id, err := s.identify()
	return err == nil && c.Has(id.entry), err
}

// Fetch fetches the modules that building s needs, unless it is built already.
func (c Cache) Fetch(ctx context.Context, report progress.Sink, s Set) error {
	id, err := s.identify()
	if err != nil || c.Has(id.entry) {
		return err
	}
	compiler, err := c.compiler(ctx, report, s, id)
	if err != nil {
		return err
	}
	return report.Do(s.FetchStep(), func(*progress.Step) error { return compiler.fetch(ctx) })
}

func (c Cache) compiler(ctx context.Context, report progress.Sink, s Set, id identity) (compiler, error) {
	modfile, err := c.changedModules(ctx, report, id.wrapper)
	if err != nil {
		return compiler{}, err
	}
	proxy, err := proxyOnly(ctx)
	return compiler{set: s, wrapper: id.wrapper, version: id.version, modfile: modfile, proxy: proxy}, err
}

// Has reports whether there is an entry of that name.
func (c Cache) Has(entry string) bool {
	_, err := os.Stat(filepath.Join(string(c), entry))
	return err == nil
}

// Entry returns the cache directory called name. If there is none, fill makes
// its content in an empty directory, reported as the step called doing. The
// content appears whole or not at all, and two callers that want the same entry
// share one filling, whatever process they are in.
func (c Cache) Entry(ctx context.Context, report progress.Sink, name, doing string, fill func(step *progress.Step, directory string) error) (string, error) {
	entry := filepath.Join(string(c), name)
	if c.Has(name) {
		return entry, nil
	}
	if err := os.MkdirAll(string(c), 0o755); err != nil {
		return "", fmt.Errorf("make cache: %w", err)
	}
	return entry, report.Do(doing, func(step *progress.Step) error {
		lock, err := filelock.Wait(ctx, entry+".lock", func() { step.Move("waiting for another devcluster that does the same") })
		if err != nil {
			return err
		}
		defer lock.Remove()
		if c.Has(name) {
			return nil
		}
		return fillAndRename(step, entry, fill)
	})
}

func fillAndRename(step *progress.Step, entry string, fill func(*progress.Step, string) error) error {
	partial := entry + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return fmt.Errorf("remove an interrupted build: %w", err)
	}
	if err := os.Mkdir(partial, 0o755); err != nil {
		return fmt.Errorf("make cache entry: %w", err)
	}
	if err := fill(step, partial); err != nil {
		os.RemoveAll(partial)
		return err
	}
	return os.Rename(partial, entry)
}
