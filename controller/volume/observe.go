package volume

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// Observer reads the claims of Userlands. It writes nothing.
type Observer struct {
	// Reader is the cache, or the API server.
	client.Reader
	// Live is the API server.
	Live client.Reader
	// Recent knows whether the cache is behind the controller's own writes; nil: it
	// never is.
	Recent *kube.Recent
}

// Observe returns the claims of a Userland: those with its label, and those named,
// which its Deployment mounts, whatever became of their labels. It returns
// kube.ErrCacheBehind if one of them is older than what was written last.
func (o Observer) Observe(ctx context.Context, userland client.ObjectKey, mounted []string) (corevolume.Stock, error) {
	stock := corevolume.Stock{Growing: map[string]bool{}}
	claims, err := kube.Claims(ctx, o, userland)
	if err != nil {
		return stock, err
	}
	for i := range claims {
		if o.Recent.Behind(claimKind, client.ObjectKeyFromObject(&claims[i]), claims[i].ResourceVersion) {
			return stock, kube.ErrCacheBehind
		}
	}
	for _, name := range mounted {
		if slices.ContainsFunc(claims, func(c corev1.PersistentVolumeClaim) bool { return c.Name == name }) {
			continue
		}
		claim, err := unlabelled(ctx, o.Live, client.ObjectKey{Namespace: userland.Namespace, Name: name})
		if err != nil {
			return stock, err
		}
		if claim != nil {
			claims = append(claims, *claim)
		}
	}
	stock.Claims = claims
	stock.Missing, err = o.missing(ctx, claims)
	return stock, err
}

// missing returns the names of the storage classes that claims wait for and that do not
// exist. Whoever may not read storage classes is not told.
func (o Observer) missing(ctx context.Context, claims []corev1.PersistentVolumeClaim) (map[string]bool, error) {
	names := map[string]bool{}
	for i := range claims {
		name := ptr.Deref(claims[i].Spec.StorageClassName, "")
		if claims[i].Status.Phase != corev1.ClaimPending || name == "" {
			continue
		}
		switch err := o.Get(ctx, client.ObjectKey{Name: name}, &storagev1.StorageClass{}); {
		case apierrors.IsNotFound(err):
			names[name] = true
		case err != nil && !apierrors.IsForbidden(err):
			return nil, fmt.Errorf("read storage class %q: %w", name, err)
		}
	}
	return names, nil
}

// ObserveGrowth adds which storage classes can grow to a stock, as far as a volume
// of the Template wants to be larger than its claim.
func (o Observer) ObserveGrowth(ctx context.Context, stock corevolume.Stock, volumes []v1alpha1.Volume) error {
	for _, name := range corevolume.ClassesToGrow(stock.Claims, volumes) {
		class := &storagev1.StorageClass{}
		if err := o.Get(ctx, client.ObjectKey{Name: name}, class); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read storage class %q: %w", name, err)
		}
		stock.Growing[name] = ptr.Deref(class.AllowVolumeExpansion, false)
	}
	return nil
}

// unlabelled returns a claim that its labels don't lead to; nil if it is gone.
func unlabelled(ctx context.Context, live client.Reader, key client.ObjectKey) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	err := live.Get(ctx, key, claim)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for volume claim %q: %w", key.Name, err)
	}
	return claim, nil
}
