package story

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Site holds the ways into a cluster that is up.
type Site struct {
	Client  client.WithWatch
	Forge   *Forge
	Gateway Gateway
}

// Open returns the ways into the cluster. The forge gets an empty repository, and accounts
// of users who may log in.
func (d Devcluster) Open(ctx context.Context, users ...string) (s Site, err error) {
	kubeconfig, err := d.Kubeconfig(ctx)
	if err != nil {
		return s, err
	}
	if s.Client, _, err = Connect(kubeconfig); err != nil {
		return s, err
	}
	access, err := d.Forge(ctx)
	if err != nil {
		return s, err
	}
	if s.Forge, err = NewForge(ctx, access); err != nil {
		return s, err
	}
	if s.Gateway.Ingress, err = d.Ingress(ctx); err != nil {
		return s, err
	}
	return s, s.Forge.NewUsers(ctx, users...)
}
