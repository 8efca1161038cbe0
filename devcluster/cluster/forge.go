package cluster

import (
	"context"
	"net/http"

	"github.com/carrel-dev/carrel/devcluster/forge"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/supervise"
)

// startForge starts Gitea where both this machine and pods reach it.
func (d *daemon) startForge(ctx context.Context, address string) error {
	return d.report.Do("start forge", func(step *progress.Step) error {
		ports, err := network.FreePorts(ctx, address, 1)
		if err != nil {
			return err
		}
		config := forge.Config{Program: d.spec.Gitea, Data: d.layout.path("gitea"), Address: address, Port: ports[0]}
		step.Move("database")
		access, err := config.Prepare(ctx)
		if err != nil {
			return err
		}
		if err := d.run("gitea", config.Command()...); err != nil {
			return err
		}
		d.update(func(r *Record) { r.Forge = &access })
		return supervise.WaitReady(ctx, answers(http.DefaultClient, config.HealthURL()))
	})
}
