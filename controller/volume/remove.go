package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

const (
	// batch bounds the deletions of a course in each rest. A class of 300 that was
	// dropped together takes half an hour to go: whoever sees the first ones go still
	// has time to suspend the course, and a provisioner is not flooded.
	batch = 10
	// rest is the pause after a batch. A claim that a pod mounts is tried again then.
	rest = time.Minute
	// longestRest is the pause while the API server's clock is behind: it may be put
	// right meanwhile, so it is not waited for till the end.
	longestRest = time.Hour
	// podsPage bounds the pods of one answer.
	podsPage = 500
)

// removeBatch deletes the first claims that no pod mounts, and rests.
func (r *Reconciler) removeBatch(ctx context.Context, w *corevolume.KeepingWorld, removals []*corev1.PersistentVolumeClaim) error {
	now := r.Clock.Now()
	pause := func(d time.Duration) {
		w.Rest = corevolume.Rest{From: now, Until: now.Add(d)}
		r.rests.Store(w.Namespace, w.Rest)
	}
	pause(rest)
	mounted, err := r.mounted(ctx, w.Namespace)
	if err != nil {
		return err
	}
	deleted := 0
	for _, claim := range removals {
		if r.Watch() != w.Watch {
			// This process was frozen after the decision.
			return nil
		}
		if mounted[claim.Name] {
			continue
		}
		early, err := r.remove(ctx, claim.DeepCopy(), w.WatchedSince())
		switch {
		case client.IgnoreNotFound(err) != nil:
			return err
		case early > 0:
			// All other claims would be too early, too.
			pause(max(rest, min(early, longestRest)))
			return nil
		}
		w.Claims = without(w.Claims, claim.Name)
		if deleted++; deleted == batch {
			return nil
		}
	}
	return nil
}

// remove deletes a claim whose time is over by the API server's clock, too; else it
// returns how long it is too early. Whoever attaches the claim meanwhile changes it, and
// then it is not deleted.
func (r *Reconciler) remove(ctx context.Context, claim *corev1.PersistentVolumeClaim, since time.Time) (early time.Duration, err error) {
	now := r.Clock.Now()
	condemn := func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.CondemnedAnnotation: corevolume.Stamp(now)})
	}
	_, at := corevolume.NextStep(claim, since)
	// A dry run comes first, so that nothing is written while the clocks disagree.
	theirs, err := r.theirTime(ctx, claim, condemn)
	if err != nil {
		return 0, err
	}
	if theirs.Before(at) {
		log.FromContext(ctx).Info("a volume is not deleted: by the API server's clock its time is not over", "claim", client.ObjectKeyFromObject(claim), "until", at)
		return at.Sub(theirs), nil
	}
	if err := r.mark(ctx, claim, condemn); err != nil {
		return 0, err
	}
	if theirs := writtenAt(claim); theirs.Before(at) {
		return at.Sub(theirs), nil
	}
	err = r.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion})
	if err != nil {
		return 0, fmt.Errorf("delete volume claim %q, kept until %s: %w", claim.Name, claim.Labels[v1alpha1.KeepUntilLabel], err)
	}
	deletions.WithLabelValues(claim.Namespace).Inc()
	r.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeDeleted", "Expire", "deleted: it was kept until %s", claim.Labels[v1alpha1.KeepUntilLabel])
	return 0, nil
}

// mounted asks the API server itself which claims the pods of a namespace mount, those
// of other programs included.
func (r *Reconciler) mounted(ctx context.Context, namespace string) (map[string]bool, error) {
	names, pods := map[string]bool{}, &corev1.PodList{}
	for {
		if err := r.Live.List(ctx, pods, client.InNamespace(namespace), client.Limit(podsPage), client.Continue(pods.Continue)); err != nil {
			return nil, fmt.Errorf("look for pods that mount volumes of the course: %w", err)
		}
		for i := range pods.Items {
			for _, volume := range pods.Items[i].Spec.Volumes {
				if volume.PersistentVolumeClaim != nil {
					names[volume.PersistentVolumeClaim.ClaimName] = true
				}
			}
		}
		if pods.Continue == "" {
			return names, nil
		}
	}
}
