package main

import (
	"context"

	"github.com/carrel-dev/carrel/test/story"
)

// become makes the repository's tree that of a commit, with the students of this test,
// and with images of a tag. It commits and pushes that.
func (u *upgrade) become(ctx context.Context, commit, tag, message string) error {
	if err := u.repository.Git(ctx, "read-tree", "-u", "--reset", commit); err != nil {
		return err
	}
	for _, s := range class {
		if err := u.repository.Put(story.StudentPath(course, s), story.StudentFile(s)); err != nil {
			return err
		}
	}
	// The editors of prog1 take minutes to start on a busy machine, and are killed meanwhile
	// by their probes. Its 300 carrels sleep.
	if err := u.repository.Replace("clusters/local/courses/prog1/kustomization.yaml", 1, "sections: [staff]", "sections: [nobody]"); err != nil {
		return err
	}
	if err := u.repository.Replace("clusters/local/kustomization.yaml", len(processes), "            newTag: dev\n", "            newTag: "+tag+"\n"); err != nil {
		return err
	}
	if err := u.repository.Commit(ctx, "upgrade", message); err != nil {
		return err
	}
	return u.Forge.Push(ctx, u.repository.Dir)
}
