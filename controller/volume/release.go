package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/index"
)

const (
	// again is how long a volume is left alone that is to go and could not: a pod
	// mounts it, or the clocks disagree.
	again = time.Minute
	// clockSkew is how far two clocks may be apart without anything being made of it.
	clockSkew = 5 * time.Second
)

// Release sees to the volumes of a Userland that is gone, and returns when to do
// so again; zero: never. It is called for every claim whose Userland does not
// exist, so a controller that was away while the Userland went catches up.
func (k *Keeper) Release(ctx context.Context, userland client.ObjectKey) (next time.Time, err error) {
	claims, err := index.Claims(ctx, k, userland)
	if err != nil || len(claims) == 0 {
		return next, err
	}
	for i := range claims {
		if _, ours := claims[i].Annotations[v1alpha1.UserAnnotation]; !ours {
			continue
		}
		at, err := k.release(ctx, &claims[i], "its Userland is gone")
		if err != nil {
			return next, err
		}
		next = sooner(next, at)
	}
	return next, nil
}

// release takes the steps that are due for a claim nobody uses, and returns when
// the next one is; zero: never.
func (k *Keeper) release(ctx context.Context, claim *corev1.PersistentVolumeClaim, why string) (time.Time, error) {
	if claim.DeletionTimestamp != nil {
		return time.Time{}, nil
	}
	if _, kept := claim.Labels[v1alpha1.KeepUntilLabel]; !kept {
		if err := k.promise(ctx, claim, why); err != nil {
			return time.Time{}, client.IgnoreNotFound(err)
		}
	}
	next, at := due(claim)
	if next == announce && !at.After(k.Clock.Now()) {
		if err := k.announce(ctx, claim); err != nil {
			return time.Time{}, client.IgnoreNotFound(err)
		}
		next, at = due(claim)
	}
	if next == remove && !at.After(k.Clock.Now()) {
		at, err := k.remove(ctx, claim)
		return at, client.IgnoreNotFound(err)
	}
	return at, nil
}

// promise labels a claim with until when it is kept: by the clock of this
// machine and by that of the API server, so that neither makes it shorter.
func (k *Keeper) promise(ctx context.Context, claim *corev1.PersistentVolumeClaim, why string) error {
	now := k.Clock.Now()
	label := func(claim *corev1.PersistentVolumeClaim) {
		claim.Labels = merged(claim.Labels, map[string]string{v1alpha1.KeepUntilLabel: keepUntil(claim, now)})
	}
	if err := k.mark(ctx, claim, label); err != nil {
		return err
	}
	if written := writtenAt(claim); written.Sub(now) > clockSkew {
		now = written
		if err := k.mark(ctx, claim, label); err != nil {
			return err
		}
	}
	k.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeKept", "Keep",
		"%s; the volume is kept until %s, and attached again if the same user needs it before", why, claim.Labels[v1alpha1.KeepUntilLabel])
	return nil
}

func (k *Keeper) announce(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	err := k.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.AnnouncedAnnotation: announcing(claim, k.Clock.Now())})
	})
	if err == nil {
		_, at := due(claim)
		k.Events.Eventf(claim, nil, corev1.EventTypeWarning, "VolumeExpiring", "Expire",
			"the work of %s in it is deleted after %s, unless the user is put back before; to keep it longer, set the label %s to a later time or to %s",
			claim.Annotations[v1alpha1.UserAnnotation], at.UTC().Format(time.RFC3339), v1alpha1.KeepUntilLabel, v1alpha1.KeepForever)
	}
	return err
}

// remove deletes a claim whose time is over, if the API server's clock says so
// too and no pod mounts it. Whoever attaches it meanwhile changes it, and then it
// is not deleted.
func (k *Keeper) remove(ctx context.Context, claim *corev1.PersistentVolumeClaim) (next time.Time, err error) {
	now := k.Clock.Now()
	if tried, err := time.Parse(v1alpha1.KeepUntilLayout, claim.Annotations[v1alpha1.CondemnedAnnotation]); err == nil && !tried.After(now) && now.Before(tried.Add(again)) {
		return tried.Add(again), nil
	}
	mounted, err := k.mounted(ctx, claim)
	if err != nil || mounted {
		return now.Add(again), err
	}
	err = k.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.CondemnedAnnotation: stamp(now)})
	})
	if err != nil {
		return next, err
	}
	if _, at := due(claim); writtenAt(claim).Before(at) {
		log.FromContext(ctx).Info("a volume is not deleted: by the API server's clock its time is not over", "claim", client.ObjectKeyFromObject(claim), "until", at)
		return now.Add(again), nil
	}
	if mounted, err = k.mounted(ctx, claim); err != nil || mounted {
		return now.Add(again), err
	}
	err = k.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion})
	if err != nil {
		return next, fmt.Errorf("delete volume claim %q, kept until %s: %w", claim.Name, claim.Labels[v1alpha1.KeepUntilLabel], err)
	}
	k.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeDeleted", "Expire", "deleted: it was kept until %s", claim.Labels[v1alpha1.KeepUntilLabel])
	return next, nil
}

// mounted asks the API server itself whether a pod of any kind mounts the claim.
func (k *Keeper) mounted(ctx context.Context, claim *corev1.PersistentVolumeClaim) (bool, error) {
	pods := &corev1.PodList{}
	if err := k.Live.List(ctx, pods, client.InNamespace(claim.Namespace)); err != nil {
		return true, fmt.Errorf("look for pods that mount volume claim %q: %w", claim.Name, err)
	}
	for i := range pods.Items {
		for _, volume := range pods.Items[i].Spec.Volumes {
			if volume.PersistentVolumeClaim != nil && volume.PersistentVolumeClaim.ClaimName == claim.Name {
				return true, nil
			}
		}
	}
	return false, nil
}

// writtenAt is when we last wrote a claim, by the clock of the API server; zero
// if it does not say. It is known of what a write returned, and left out of what
// the cache keeps.
func writtenAt(claim *corev1.PersistentVolumeClaim) time.Time {
	var last time.Time
	for _, entry := range claim.ManagedFields {
		if entry.Manager == apply.FieldOwner && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
