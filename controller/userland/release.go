package userland

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// forget drops what this process remembers of a Userland that is gone. Its volumes are
// kept by the reconciler of package volume.
func (r *Reconciler) forget(ctx context.Context, userland client.ObjectKey) error {
	gone, err := r.Shard.Gone(ctx, userland, &v1alpha1.Userland{})
	if err == nil && gone {
		r.Lines.Leave(userland, r.Clock.Now())
		r.Prober.Forget(userland)
	}
	return err
}
