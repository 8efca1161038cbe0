package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Prepare makes what must be there before the node's first process starts.
func (c Config) Prepare() error {
	if err := os.MkdirAll(c.Root, 0o755); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	if err := c.makeMountPoints(); err != nil {
		return err
	}
	return c.makeCgroups()
}

// Sweep removes what stays of the node called name, with its directory at root,
// when all its processes have ended.
func Sweep(ctx context.Context, name, root string) error {
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil // there was none
	}
	// Another node that runs by now uses the same mount points and link name,
	// and would lose them.
	if Unclaimed(ctx) == nil {
		removeMountPoints(root)
		if err := unlink(ctx); err != nil {
			return err
		}
	}
	return removeCgroups(name)
}
