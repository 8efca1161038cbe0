package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Prepare creates the directories and cgroups that the node's first process needs.
func (c Config) Prepare() error {
	if err := os.MkdirAll(c.Root, 0o755); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	if err := c.makeMountPoints(); err != nil {
		return err
	}
	return c.makeCgroups()
}

// Sweep removes what the node called name left on the machine. root is the node's
// directory. All processes of the node must have ended.
func Sweep(ctx context.Context, name, root string) error {
	if _, err := os.Stat(root); errors.Is(err, fs.ErrNotExist) {
		return nil // there was none
	}
	// If another node runs by now, it uses the same mount points and the same link,
	// so leave them alone.
	if Unclaimed(ctx) == nil {
		removeMountPoints(root)
		if err := unlink(ctx); err != nil {
			return err
		}
	}
	return removeCgroups(name)
}
