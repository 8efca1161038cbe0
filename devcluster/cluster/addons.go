package cluster

import (
	"context"
	"fmt"
	"os"

	"github.com/carrel-dev/carrel/devcluster/addons"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// writeAddons writes the manifests of the add-ons that every full cluster runs to
// path.
func writeAddons(ctx context.Context, path string, plan network.Plan) error {
	flux, err := addons.LocateFlux(ctx)
	if err != nil {
		return err
	}
	manifests, err := addons.Manifests(addons.Params{
		ClusterDNS:      plan.DNS.String(),
		VolumeDirectory: node.VolumeRoot,
		Flux:            flux,
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, manifests, 0o644); err != nil {
		return fmt.Errorf("write add-ons: %w", err)
	}
	return nil
}

// startAddons applies the add-ons and returns when cluster DNS, dynamic volumes and
// Flux are available.
func (d *daemon) startAddons(ctx context.Context) error {
	return d.report.Do("start add-ons", func(step *progress.Step) error {
		step.Move("apply manifests")
		if err := d.kubectl(ctx, "apply", "--server-side", "--field-manager=devcluster", "--filename="+d.spec.Addons); err != nil {
			return err
		}
		step.Move("wait until they are available")
		return d.kubectl(ctx, "wait", "--for=condition=Available", "deployment", "--all", "--all-namespaces", "--timeout=5m")
	})
}
