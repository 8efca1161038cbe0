package recovery

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/core/inventory"
)

// Take reads the cluster and returns its inventory.
func Take(ctx context.Context, c client.Reader, now time.Time) (inventory.Inventory, error) {
	claims, volumes, err := read(ctx, c)
	return inventory.Take(claims, volumes, now), err
}

// read returns all claims and all PersistentVolumes. It reads the claims first, so that a
// claim that is bound in between is left out. In the other order it would be recorded
// without its volume.
func read(ctx context.Context, c client.Reader) ([]corev1.PersistentVolumeClaim, []corev1.PersistentVolume, error) {
	var claims corev1.PersistentVolumeClaimList
	if err := c.List(ctx, &claims); err != nil {
		return nil, nil, fmt.Errorf("list the volume claims of all namespaces: %w", err)
	}
	var volumes corev1.PersistentVolumeList
	if err := c.List(ctx, &volumes); err != nil {
		return nil, nil, fmt.Errorf("list the PersistentVolumes: %w", err)
	}
	return claims.Items, volumes.Items, nil
}
