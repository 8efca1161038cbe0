package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// Load loads image archives into the node of a running cluster.
func Load(ctx context.Context, report progress.Sink, layout Layout, archives []string) error {
	record, err := Read(layout)
	if err != nil {
		return err
	}
	if record.Size != FullNode {
		return fmt.Errorf("cluster %q has no node to load images into; only size %s has", layout.Name, FullNode)
	}
	loads, ctx := errgroup.WithContext(ctx)
	loads.SetLimit(importers)
	for _, archive := range archives {
		loads.Go(func() error {
			return report.Do("load "+filepath.Base(archive), func(*progress.Step) error {
				return loadImage(ctx, record.Node, archive)
			})
		})
	}
	return loads.Wait()
}

// loadImage loads an archive into the node whose namespaces the process first
// holds.
func loadImage(ctx context.Context, first int, archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("load image: %w", err)
	}
	defer file.Close()
	if err := inNode(ctx, first, file, node.ImportArgs()); err != nil {
		return fmt.Errorf("load image %s: %w", archive, err)
	}
	return nil
}

// inNode runs a command in the node's namespaces and waits for it.
func inNode(ctx context.Context, first int, stdin *os.File, arguments []string) error {
	line := node.Enter(first, arguments)
	command := exec.CommandContext(ctx, line[0], line[1:]...)
	if stdin != nil {
		command.Stdin = stdin
	}
	if out, err := command.CombinedOutput(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
