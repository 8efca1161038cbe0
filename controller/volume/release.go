package volume

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// again is how long a volume is left alone that is to go and could not: a pod
// mounts it, or the clocks disagree.
const again = time.Minute

// Release sees to the volumes of a Userland that is gone, and returns when to do
// so again; zero: never. It is called for every claim whose Userland is not in
// sight, so a controller that was away while the Userland went catches up. When
// something is due, the API server is asked whether it is gone indeed: a cache may
// be behind, or hold a part of all Userlands only.
func (k *Keeper) Release(ctx context.Context, userland client.ObjectKey) (next time.Time, err error) {
	claims, err := kube.Claims(ctx, k, userland)
	if err != nil {
		return next, err
	}
	asked := false
	for i := range claims {
		claim := &claims[i]
		if _, ours := claim.Annotations[v1alpha1.UserAnnotation]; !ours {
			continue
		}
		if !asked && k.hasWork(claim) {
			if gone, err := k.isGone(ctx, userland); err != nil || !gone {
				return time.Time{}, err
			}
			asked = true
		}
		at, err := k.release(ctx, claim, "its Userland is gone")
		if err != nil {
			return next, err
		}
		next = sooner(next, at)
	}
	return next, nil
}

// hasWork reports whether a step is due for a claim nobody uses.
func (k *Keeper) hasWork(claim *corev1.PersistentVolumeClaim) bool {
	if claim.DeletionTimestamp != nil {
		return false
	}
	if _, promised := claim.Labels[v1alpha1.KeepUntilLabel]; !promised {
		return true
	}
	next, at := corevolume.NextStep(claim)
	return next != corevolume.StepNone && !at.After(k.Clock.Now())
}

// isGone asks the API server itself.
func (k *Keeper) isGone(ctx context.Context, userland client.ObjectKey) (bool, error) {
	err := k.Live.Get(ctx, userland, &v1alpha1.Userland{})
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("see whether userland %q is gone: %w", userland.Name, err)
	}
	return err != nil, nil
}

// release takes the steps that are due for a claim nobody uses, and returns when
// the next one is; zero: never.
func (k *Keeper) release(ctx context.Context, claim *corev1.PersistentVolumeClaim, why string) (time.Time, error) {
	if claim.DeletionTimestamp != nil {
		return time.Time{}, nil
	}
	if _, promised := claim.Labels[v1alpha1.KeepUntilLabel]; !promised {
		if err := k.promise(ctx, claim, why); err != nil {
			return time.Time{}, client.IgnoreNotFound(err)
		}
	}
	next, at := corevolume.NextStep(claim)
	if next == corevolume.StepAnnounce && !at.After(k.Clock.Now()) {
		if err := k.announce(ctx, claim); err != nil {
			return time.Time{}, client.IgnoreNotFound(err)
		}
		next, at = corevolume.NextStep(claim)
	}
	if next == corevolume.StepRemove && !at.After(k.Clock.Now()) {
		at, err := k.remove(ctx, claim)
		return at, client.IgnoreNotFound(err)
	}
	return at, nil
}

// promise labels a claim with until when it is kept.
func (k *Keeper) promise(ctx context.Context, claim *corev1.PersistentVolumeClaim, why string) error {
	err := k.date(ctx, claim, func(claim *corev1.PersistentVolumeClaim, now time.Time) {
		claim.Labels = merged(claim.Labels, map[string]string{v1alpha1.KeepUntilLabel: corevolume.KeepUntil(claim, now)})
	})
	if err == nil {
		k.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeKept", "Keep",
			"%s; the volume is kept until %s, and attached again if the same user needs it before", why, claim.Labels[v1alpha1.KeepUntilLabel])
	}
	return err
}

// date marks a claim with what depends on the time, which is the later one of
// this machine's clock and the API server's, so that neither makes a promise
// shorter. The latter stamps also what a dry run would change, so that there is
// but one write: a controller that dies between two would leave half a promise.
func (k *Keeper) date(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim, time.Time)) error {
	now := k.Clock.Now()
	theirs, err := k.theirTime(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { change(claim, now) })
	if err != nil {
		return err
	}
	// Its stamps leave out what is less than a second.
	if latest := theirs.Add(time.Second); latest.After(now) {
		now = latest
	}
	return k.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { change(claim, now) })
}

// theirTime is the API server's time, by what it stamps a dry run of a change
// with.
func (k *Keeper) theirTime(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim)) (time.Time, error) {
	if k.behind(claim) {
		return time.Time{}, kube.ErrCacheBehind
	}
	tried := claim.DeepCopy()
	change(tried)
	patch := client.MergeFromWithOptions(claim, client.MergeFromWithOptimisticLock{})
	if err := k.Patch(ctx, tried, patch, client.FieldOwner(kube.FieldOwner), client.DryRunAll); err != nil {
		return time.Time{}, fmt.Errorf("try to change volume claim %q: %w", claim.Name, err)
	}
	return writtenAt(tried), nil
}

func (k *Keeper) announce(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	err := k.date(ctx, claim, func(claim *corev1.PersistentVolumeClaim, now time.Time) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.AnnouncedAnnotation: corevolume.AnnouncementFor(claim, now)})
	})
	if err == nil {
		_, at := corevolume.NextStep(claim)
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
	condemn := func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.CondemnedAnnotation: corevolume.Stamp(now)})
	}
	// Asked dry first: while the clocks disagree, nothing is written.
	theirs, err := k.theirTime(ctx, claim, condemn)
	if err != nil {
		return next, err
	}
	if _, at := corevolume.NextStep(claim); theirs.Before(at) {
		log.FromContext(ctx).Info("a volume is not deleted: by the API server's clock its time is not over", "claim", client.ObjectKeyFromObject(claim), "until", at)
		// A clock may be put right meanwhile, so it is not waited for till the end.
		return now.Add(max(again, min(at.Sub(theirs), time.Hour))), nil
	}
	if err := k.mark(ctx, claim, condemn); err != nil {
		return next, err
	}
	if _, at := corevolume.NextStep(claim); writtenAt(claim).Before(at) {
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
		if entry.Manager == kube.FieldOwner && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
