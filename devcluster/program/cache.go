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

// DefaultCache is $CARREL_CACHE, or carrel in the user's cache directory.
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

// Build returns the directory that holds p's binary, its links and its data,
// building them first if they are not cached.
func (c Cache) Build(ctx context.Context, report progress.Sink, p Program) (string, error) {
	wrappers, err := Wrappers()
	if err != nil {
		return "", err
	}
	version, err := p.Version()
	if err != nil {
		return "", err
	}
	wrapper := filepath.Join(wrappers, p.Name)
	key, err := p.key(wrapper, version)
	if err != nil {
		return "", err
	}
	fill := func(step *progress.Step, directory string) error {
		return p.compile(ctx, step, wrapper, version, directory)
	}
	return c.Entry(ctx, report, fmt.Sprintf("%s-%s-%s", p.Name, version, key), "build "+p.Name+" "+version, fill)
}

// Path is the binary of p, built if need be.
func (c Cache) Path(ctx context.Context, report progress.Sink, p Program) (string, error) {
	directory, err := c.Build(ctx, report, p)
	return filepath.Join(directory, p.Name), err
}

// Entry returns the cache directory called name. If there is none, fill makes
// its content in an empty directory, reported as the step called doing. The
// content appears whole or not at all, and two callers that want the same entry
// share one filling, whatever process they are in.
func (c Cache) Entry(ctx context.Context, report progress.Sink, name, doing string, fill func(step *progress.Step, directory string) error) (string, error) {
	entry := filepath.Join(string(c), name)
	if _, err := os.Stat(entry); err == nil {
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
		if _, err := os.Stat(entry); err == nil {
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
