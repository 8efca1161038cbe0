package cluster

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/carrel-dev/carrel/devcluster/controlplane"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

// startFullNode starts all components of a full node, in parallel where they do not
// depend on each other.
func (d *daemon) startFullNode(ctx context.Context, authority *pki.Authority) error {
	config, err := d.prepareNode(ctx, authority)
	if err != nil {
		return err
	}
	host := config.Network.Host.Addr().String()
	plane, err := d.prepareControlPlane(ctx, host, authority)
	if err != nil {
		return err
	}
	if err := d.configureNode(&config, plane.URL(), authority); err != nil {
		return err
	}
	d.node, d.plane = config, plane
	if err := d.startIngress(ctx); err != nil {
		return err
	}
	return d.startParts(ctx, config, plane, authority)
}

func (d *daemon) startParts(ctx context.Context, config node.Config, plane controlplane.Config, authority *pki.Authority) error {
	parts, ctx := errgroup.WithContext(ctx)
	loaded := make(chan struct{})
	parts.Go(func() error {
		if err := d.startContainerd(ctx, config); err != nil {
			return err
		}
		if err := d.loadImages(ctx, "load images", d.spec.Images); err != nil {
			return err
		}
		close(loaded)
		if len(d.spec.MoreImages) == 0 {
			return nil
		}
		return d.loadImages(ctx, "load images of courses", d.spec.MoreImages)
	})
	parts.Go(func() error { return d.startForge(ctx, plane.Address, authority) })
	parts.Go(func() error {
		if err := d.startControlPlane(ctx, plane); err != nil {
			return err
		}
		select {
		case <-loaded:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := d.startNode(ctx, config); err != nil {
			return err
		}
		return d.startAddons(ctx)
	})
	return parts.Wait()
}
