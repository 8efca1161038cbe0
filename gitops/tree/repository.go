package tree

import (
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Open opens the git repository at a directory, such as a bare one, or the
// repository that contains it. Its storage is a *filesystem.Storage and keeps files
// open until it is closed. Opening a pack for each object would take more time than
// all other reading.
func Open(directory string) (*git.Repository, error) {
	plain, err := git.PlainOpenWithOptions(directory, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		plain, err = git.PlainOpenWithOptions(directory, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
	}
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fmt.Errorf("%s is in no git repository: change to a clone of the courses' repository, or name one with --repository", directory)
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", directory, err)
	}
	opened, onDisk := plain.Storer.(*filesystem.Storage)
	if !onDisk {
		return nil, fmt.Errorf("open the git repository of %s: it is on no disk", directory)
	}
	storage := filesystem.NewStorageWithOptions(opened.Filesystem(), cache.NewObjectLRUDefault(), filesystem.Options{KeepDescriptors: true})
	repository, err := git.Open(storage, nil)
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", directory, err)
	}
	return repository, nil
}
