package student

import (
	"context"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Claims maps the name of each carrel's claim to its UID, its volume, and until when it is
// kept.
func Claims(ctx context.Context, c client.Client) (map[string]string, error) {
	var list corev1.PersistentVolumeClaimList
	if err := c.List(ctx, &list, client.HasLabels{v1alpha1.UserlandLabel}); err != nil {
		return nil, err
	}
	claims := map[string]string{}
	for i := range list.Items {
		claim := &list.Items[i]
		claims[claim.Namespace+"/"+claim.Name] = fmt.Sprintf("%s of volume %s, kept until %q", claim.UID, claim.Spec.VolumeName, claim.Labels[v1alpha1.KeepUntilLabel])
	}
	return claims, nil
}

// Differences returns an error for each name whose value is another one, or gone.
func Differences(what string, before, now map[string]string) (found []error) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if now[name] != before[name] {
			found = append(found, fmt.Errorf("the %s %s was %s, and is %q", what, name, before[name], now[name]))
		}
	}
	return found
}
