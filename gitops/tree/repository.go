package tree

import (
	"errors"
	"fmt"

	"github.com/go-git/go-billy/v5/osfs"
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
		return nil, fmt.Errorf("%s is in no git repository: change to a clone of the courses' repository, or name one with -C", directory)
	}
	if errors.Is(err, git.ErrUnknownExtension) || errors.Is(err, git.ErrUnsupportedExtensionRepositoryFormatVersion) {
		return nil, fmt.Errorf("the repository of %s has a format that carrel can't read (%w): for reftable, git refs migrate --ref-format=files; for SHA-256, make it anew with git init --object-format=sha1; for worktree settings, git config unset extensions.worktreeConfig", directory, err)
	}
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", directory, err)
	}
	opened, onDisk := plain.Storer.(*filesystem.Storage)
	if !onDisk {
		return nil, fmt.Errorf("open the git repository of %s: it is on no disk", directory)
	}
	storage := filesystem.NewStorageWithOptions(opened.Filesystem(), cache.NewObjectLRUDefault(), filesystem.Options{
		KeepDescriptors: true,
		// Clones made with --shared or --reference name another repository's objects
		// by an absolute path.
		AlternatesFS: osfs.New("/"),
	})
	repository, err := git.Open(storage, nil)
	if err != nil {
		return nil, fmt.Errorf("open the git repository of %s: %w", directory, err)
	}
	return repository, nil
}
