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
	"github.com/carrel-dev/carrel/core/roster"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// Observer reads the claims of Userlands. It writes nothing.
type Observer struct {
	// Reader is the cache, or the API server.
	client.Reader
	// Live is the API server.
	Live client.Reader
	// Recent reports whether the cache is behind the controller's own writes. It may be
	// nil, if the reader is not a cache.
	Recent *kube.Recent
}

// Observe returns what exists for the volumes of a Userland, but for the other carrels
// of its user: the claims of its person, those named, which its Deployment mounts,
// whatever became of their marks, and what is in the way of fresh ones. It returns
// kube.ErrCacheBehind if a claim is older than what was written last.
func (o Observer) Observe(ctx context.Context, u *v1alpha1.Userland, mounted []string, volumes []string) (corevolume.Stock, error) {
	stock := corevolume.Stock{Growing: map[string]bool{}}
	claims, err := kube.ClaimsOfPerson(ctx, o, u.Namespace, u.User())
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
		claim, err := unlabelled(ctx, o.Live, client.ObjectKey{Namespace: u.Namespace, Name: name})
		if err != nil {
			return stock, err
		}
		if claim != nil {
			claims = append(claims, *claim)
		}
	}
	stock.Claims = claims
	if stock.Strangers, err = o.strangers(ctx, u, mounted); err != nil {
		return stock, err
	}
	if stock.Taken, err = o.taken(ctx, u, volumes); err != nil {
		return stock, err
	}
	stock.Missing, err = o.missing(ctx, claims)
	return stock, err
}

// strangers returns the claims with the label of a Userland that record people who are
// not in the course, or nobody.
func (o Observer) strangers(ctx context.Context, u *v1alpha1.Userland, mounted []string) (found []corev1.PersistentVolumeClaim, err error) {
	labelled, err := kube.Claims(ctx, o, client.ObjectKeyFromObject(u))
	if err != nil {
		return nil, err
	}
	for i := range labelled {
		claim := &labelled[i]
		if roster.Person(corevolume.OwnerOf(claim)) == roster.Person(u.User()) || slices.Contains(mounted, claim.Name) {
			continue
		}
		present, err := kube.UserlandsOfPerson(ctx, o, u.Namespace, corevolume.OwnerOf(claim))
		if err != nil {
			return nil, err
		}
		if len(present) == 0 {
			found = append(found, *claim)
		}
	}
	return found, nil
}

// taken returns those names of fresh claims that claims with a recorded user have.
func (o Observer) taken(ctx context.Context, u *v1alpha1.Userland, volumes []string) (map[string]bool, error) {
	taken := map[string]bool{}
	for _, volume := range volumes {
		for number := 1; ; number++ {
			key := client.ObjectKey{Namespace: u.Namespace, Name: corevolume.FreshName(u, volume, nil, number)}
			claim := &corev1.PersistentVolumeClaim{}
			err := o.Get(ctx, key, claim)
			if apierrors.IsNotFound(err) || err == nil && corevolume.OwnerOf(claim) == "" {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("see whether the name of volume claim %q is free: %w", key.Name, err)
			}
			taken[key.Name] = true
		}
	}
	return taken, nil
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
