package cluster

import (
	"context"
	"fmt"
	"path/filepath"

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
	for _, archive := range archives {
		err := report.Do("load "+filepath.Base(archive), func(*progress.Step) error {
			return loadImage(ctx, record.Node, archive)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
