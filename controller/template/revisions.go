package template

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/workload"
)

// unusedFor is how long nobody must have used a revision before it is deleted:
// longer than a carrel that is just made of it takes to be seen in the cache.
const unusedFor = time.Minute

var revisionKind = appsv1.SchemeGroupVersion.WithKind("ControllerRevision")

// keep makes a revision that is missing, or gives it back the labels it is found
// by.
func (r *Reconciler) keep(ctx context.Context, want *appsv1.ControllerRevision) error {
	key, have := client.ObjectKeyFromObject(want), &appsv1.ControllerRevision{}
	err := r.Get(ctx, key, have)
	if !apierrors.IsNotFound(err) || r.Recent.Behind(revisionKind, key, "") {
		return err
	}
	err = r.Create(ctx, want.DeepCopy(), client.FieldOwner(kube.FieldOwner))
	if apierrors.IsAlreadyExists(err) {
		bare := want.DeepCopy()
		bare.Labels, bare.Annotations = nil, nil
		have := want.DeepCopy()
		err = r.Patch(ctx, have, client.MergeFrom(bare), client.FieldOwner(kube.FieldOwner))
	}
	if err != nil {
		return fmt.Errorf("keep revision %q: %w", want.Name, err)
	}
	return nil
}

// sameSource tells the revisions of a Template that are made of what makes up
// the present one.
func (r *Reconciler) sameSource(ctx context.Context, template client.ObjectKey, present *v1alpha1.TemplateRevision) (func(string) bool, error) {
	kept, err := r.revisions(ctx, template)
	of := map[string]*appsv1.ControllerRevision{}
	for i := range kept {
		of[kept[i].Name] = &kept[i]
	}
	return func(name string) bool {
		return present != nil && of[name] != nil && of[present.Name] != nil && workload.SameSource(of[name], of[present.Name])
	}, err
}

func (r *Reconciler) revisions(ctx context.Context, template client.ObjectKey) ([]appsv1.ControllerRevision, error) {
	kept := &appsv1.ControllerRevisionList{}
	err := r.List(ctx, kept, client.InNamespace(template.Namespace), client.MatchingLabels{v1alpha1.TemplateLabel: template.Name})
	if err != nil {
		return nil, fmt.Errorf("list the revisions of template %q: %w", template.Name, err)
	}
	return kept.Items, nil
}

// collect deletes the revisions of a Template but the present one that no carrel
// has used for a while, and returns when to look again.
func (r *Reconciler) collect(ctx context.Context, template client.ObjectKey, present *v1alpha1.TemplateRevision) (again time.Time, err error) {
	kept, err := r.revisions(ctx, template)
	if err != nil {
		return again, err
	}
	for i := range kept {
		used, err := kube.RevisionInUse(ctx, r, client.ObjectKeyFromObject(&kept[i]))
		if err != nil {
			return again, err
		}
		if used || present != nil && kept[i].Name == present.Name {
			r.disused.forget(kept[i].UID)
			continue
		}
		if due := r.disused.since(kept[i].UID, r.Clock.Now()).Add(unusedFor); due.After(r.Clock.Now()) {
			again = due
		} else if err := r.remove(ctx, &kept[i]); err != nil {
			return again, err
		}
	}
	return again, nil
}

func (r *Reconciler) remove(ctx context.Context, kept *appsv1.ControllerRevision) error {
	err := r.Delete(ctx, kept, client.Preconditions{UID: &kept.UID, ResourceVersion: &kept.ResourceVersion})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete revision %q, which nobody uses: %w", kept.Name, err)
	}
	r.disused.forget(kept.UID)
	return nil
}

// disuse remembers since when objects were not used. What a restart of the
// controller forgets stays a little longer.
type disuse struct {
	mutex sync.Mutex
	from  map[types.UID]time.Time
}

// since is when an object was first found unused.
func (d *disuse) since(uid types.UID, now time.Time) time.Time {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.from == nil {
		d.from = map[types.UID]time.Time{}
	}
	if _, known := d.from[uid]; !known {
		d.from[uid] = now
	}
	return d.from[uid]
}

func (d *disuse) forget(uid types.UID) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	delete(d.from, uid)
}
