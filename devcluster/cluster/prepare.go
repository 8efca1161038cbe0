package cluster

import (
	"context"

	"github.com/carrel-dev/carrel/devcluster/addons"
	"github.com/carrel-dev/carrel/devcluster/image"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// prepare chooses the cluster's addresses and builds its programs and images,
// unless they are cached.
func prepare(ctx context.Context, report progress.Sink, layout Layout, size Size) (Spec, error) {
	cache, err := program.DefaultCache()
	if err != nil {
		return Spec{}, err
	}
	spec := Spec{Name: layout.Name, Size: size}
	if spec.Network, err = planNetwork(); err != nil {
		return spec, err
	}
	if spec.Kubernetes, err = cache.Build(ctx, report, program.Kubernetes); err != nil {
		return spec, err
	}
	if size == ControlPlane {
		return spec, nil
	}
	if spec.Gitea, err = cache.Build(ctx, report, program.Gitea); err != nil {
		return spec, err
	}
	names := append(node.Images(), addons.Images()...)
	if spec.Images, err = (image.Builder{Cache: cache, Report: report}).Build(ctx, names...); err != nil {
		return spec, err
	}
	spec.Addons = layout.path("addons.yaml")
	return spec, writeAddons(ctx, spec.Addons, spec.Network)
}

func planNetwork() (network.Plan, error) {
	used, err := network.Used()
	if err != nil {
		return network.Plan{}, err
	}
	return network.Choose(used)
}
