package template

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// act keeps the revision of a Template, grants restarts and deletes the revisions
// that nobody uses. What fails is recorded in the decision.
func (r *Reconciler) act(ctx context.Context, template client.ObjectKey, d *lifecycle.TemplateDecision) {
	if d.Keep != nil {
		if err := r.keep(ctx, d.Keep); err != nil {
			d.KeepFailed(fmt.Errorf("keep revision %q: %w", d.Keep.Name, err))
		}
	}
	r.Grants.Set(template, d.Revision, d.Restart)
	for _, revision := range d.Remove {
		if err := r.remove(ctx, revision); err != nil {
			d.RemoveFailed(fmt.Errorf("delete revision %q, which nobody uses: %w", revision.Name, err))
		}
	}
	r.memory.acted(template, *d)
}

// keep creates a revision. One that exists all the same is not in the cache: it was
// created just now, or it has lost the labels it is found by.
func (r *Reconciler) keep(ctx context.Context, want *appsv1.ControllerRevision) error {
	err := r.Create(ctx, want.DeepCopy(), client.FieldOwner(kube.FieldOwner))
	if apierrors.IsAlreadyExists(err) {
		bare := want.DeepCopy()
		bare.Labels, bare.Annotations = nil, nil
		err = r.Patch(ctx, want.DeepCopy(), client.MergeFrom(bare), client.FieldOwner(kube.FieldOwner))
	}
	return err
}

// remove deletes a revision that is as it was when it was found unused. One that
// changed is left to the next reconciliation.
func (r *Reconciler) remove(ctx context.Context, kept *appsv1.ControllerRevision) error {
	err := r.Delete(ctx, kept, client.Preconditions{UID: &kept.UID, ResourceVersion: &kept.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return err
	}
	r.memory.used(kept.UID)
	return nil
}
