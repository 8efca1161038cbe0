package course

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
)

// strays returns the Userlands of a Course that the cache does not have because they
// are in another shard. Once there are none, the API server is asked again only when
// the Course is given to another shard, or when a row's Userland exists that the
// cache does not have. What a restart forgets costs one more question.
func (r *Reconciler) strays(ctx context.Context, c *v1alpha1.Course, cached []v1alpha1.Userland) ([]v1alpha1.Userland, error) {
	key, shard := client.ObjectKeyFromObject(c), fmt.Sprint(c.UID, enrolment.ShardLabels(c))
	if known, _ := r.gathered.Load(key); known == shard {
		return nil, nil
	}
	strays, err := r.Shard.Strays(ctx, c.Namespace)
	if err == nil && len(strays) == 0 {
		r.gathered.Store(key, shard)
	}
	// The cache may still have one that has just left.
	return slices.DeleteFunc(strays, func(stray v1alpha1.Userland) bool {
		return slices.ContainsFunc(cached, func(u v1alpha1.Userland) bool { return u.Name == stray.Name })
	}), err
}

// move gives Userlands the labels of the shard of their Course. It returns the first
// error.
func (r *Reconciler) move(ctx context.Context, moves []enrolment.Move) error {
	errs, _ := each(ctx, len(moves), func(i int) error {
		u := moves[i].Userland.DeepCopy()
		// Never a namesake that came in its place in the meantime.
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": u.UID, "labels": moves[i].Labels}})
		if err != nil {
			return err
		}
		switch err := r.Patch(ctx, u, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(kube.FieldOwner)); {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return fmt.Errorf("give the userlands of the course the labels of its shard: %w", err)
		}
		r.Recent.Wrote(userlandKind, u)
		return nil
	})
	return cmp.Or(errs...)
}
