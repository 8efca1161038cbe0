package volume

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
)

// act takes the steps that are due, and puts what comes of them into the world. A claim
// that another writer changed in the meantime is left to the next reconciliation: its
// error is returned when the others are done.
func (r *Reconciler) act(ctx context.Context, w *corevolume.KeepingWorld, d corevolume.KeepingDecision) (lost error) {
	for _, task := range d.Tasks {
		claim := task.Claim.DeepCopy()
		err := r.take(ctx, claim, task)
		switch {
		case apierrors.IsNotFound(err), err == nil && task.Step == corevolume.StepDiscard:
			w.Claims = without(w.Claims, claim.Name)
		case apierrors.IsConflict(err), errors.Is(err, kube.ErrCacheBehind):
			lost = err
		case err != nil:
			return err
		default:
			i := slices.IndexFunc(w.Claims, func(c corev1.PersistentVolumeClaim) bool { return c.Name == claim.Name })
			w.Claims[i] = *claim
		}
	}
	if len(d.Removals) > 0 {
		if err := r.removeBatch(ctx, w, d.Removals); err != nil {
			return err
		}
	}
	return lost
}

func without(claims []corev1.PersistentVolumeClaim, name string) []corev1.PersistentVolumeClaim {
	return slices.DeleteFunc(claims, func(c corev1.PersistentVolumeClaim) bool { return c.Name == name })
}

// take takes one step.
func (r *Reconciler) take(ctx context.Context, claim *corev1.PersistentVolumeClaim, task corevolume.Task) error {
	switch task.Step {
	case corevolume.StepAnswer:
		return r.answer(ctx, claim, task)
	case corevolume.StepReturn:
		return r.giveBack(ctx, claim, task.For)
	case corevolume.StepPromise:
		return r.promise(ctx, claim)
	case corevolume.StepDiscard:
		return r.discard(ctx, claim)
	case corevolume.StepAnnounce:
		return r.announce(ctx, claim, task.Watch)
	default:
		return fmt.Errorf("volume claim %q: there is no step %d", claim.Name, task.Step)
	}
}

// answer handles a person's request for a claim.
func (r *Reconciler) answer(ctx context.Context, claim *corev1.PersistentVolumeClaim, task corevolume.Task) error {
	before := claim.Labels[v1alpha1.KeepUntilLabel]
	at, until := task.Request.At.UTC().Format(time.RFC3339), task.Request.KeepUntil
	err := r.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		claim.Annotations = merged(claim.Annotations, map[string]string{v1alpha1.HandledRequestAnnotation: at})
		if task.Refused == "" {
			claim.Labels = merged(claim.Labels, map[string]string{v1alpha1.KeepUntilLabel: until})
		}
	})
	switch {
	case err != nil:
	case task.Refused != "":
		r.Events.Eventf(claim, nil, corev1.EventTypeWarning, "RequestRefused", "Keep",
			"the request of %s to keep the volume until %s is not followed: %s", at, until, task.Refused)
	default:
		r.Events.Eventf(claim, nil, corev1.EventTypeNormal, "Requested", "Keep",
			"the request of %s is followed: the volume is kept until %s (before: %q)", at, until, before)
	}
	return err
}

// giveBack takes back the promise for a claim whose user is in the course again.
func (r *Reconciler) giveBack(ctx context.Context, claim *corev1.PersistentVolumeClaim, u *v1alpha1.Userland) error {
	until := claim.Labels[v1alpha1.KeepUntilLabel]
	err := r.mark(ctx, claim, corevolume.TakeBack)
	if err == nil {
		r.Events.Eventf(u, claim, corev1.EventTypeNormal, "VolumeReattached", "Attach",
			"volume claim %s, which was kept until %s, is this carrel's again", claim.Name, until)
	}
	return err
}

// promise labels a claim with the time until which it is kept.
func (r *Reconciler) promise(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	err := r.date(ctx, claim, func(claim *corev1.PersistentVolumeClaim, now time.Time) {
		claim.Labels = merged(claim.Labels, map[string]string{v1alpha1.KeepUntilLabel: corevolume.KeepUntil(claim, now)})
	})
	if err == nil {
		r.Events.Eventf(claim, nil, corev1.EventTypeNormal, "VolumeKept", "Keep",
			"no carrel needs it; the volume is kept until %s, and attached again if the same user needs it before", claim.Labels[v1alpha1.KeepUntilLabel])
	}
	return err
}

// discard deletes a claim for which no volume was ever provisioned.
func (r *Reconciler) discard(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	err := r.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion})
	if err != nil {
		return fmt.Errorf("delete volume claim %q, which never had a volume and which nobody needs: %w", claim.Name, err)
	}
	return nil
}

// announce records and announces that a claim is about to be deleted.
func (r *Reconciler) announce(ctx context.Context, claim *corev1.PersistentVolumeClaim, watch string) error {
	err := r.date(ctx, claim, func(claim *corev1.PersistentVolumeClaim, now time.Time) {
		corevolume.Announce(claim, now, watch)
	})
	if err == nil {
		_, at := corevolume.NextStep(claim, time.Time{})
		r.Events.Eventf(claim, nil, corev1.EventTypeWarning, "VolumeExpiring", "Expire",
			"the work of %s in it is deleted after %s, unless the user is put back before; to keep it longer, set the label %s to a later time or to %s",
			claim.Annotations[v1alpha1.UserAnnotation], at.UTC().Format(time.RFC3339), v1alpha1.KeepUntilLabel, v1alpha1.KeepForever)
	}
	return err
}

// date marks a claim with what depends on the time, which is the later one of this
// machine's clock and the API server's, so that neither makes a promise shorter. The
// API server stamps also what a dry run would change, so that there is but one write: a
// controller that dies between two would leave half a promise.
func (r *Reconciler) date(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim, time.Time)) error {
	now := r.Clock.Now()
	theirs, err := r.theirTime(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { change(claim, now) })
	if err != nil {
		return err
	}
	now = latest(now, theirs)
	return r.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { change(claim, now) })
}

// latest returns the later one of this machine's time and that of a stamp of the API
// server, which leaves out what is less than a second.
func latest(now, stamp time.Time) time.Time {
	if theirs := stamp.Add(time.Second); theirs.After(now) {
		return theirs
	}
	return now
}

// theirTime returns the API server's time, by the stamp of a dry run of a change.
func (r *Reconciler) theirTime(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim)) (time.Time, error) {
	if r.behind(claim) {
		return time.Time{}, kube.ErrCacheBehind
	}
	tried := claim.DeepCopy()
	change(tried)
	patch := client.MergeFromWithOptions(claim, client.MergeFromWithOptimisticLock{})
	if err := r.Patch(ctx, tried, patch, client.FieldOwner(kube.FieldOwner), client.DryRunAll); err != nil {
		return time.Time{}, fmt.Errorf("try to change volume claim %q: %w", claim.Name, err)
	}
	return writtenAt(tried), nil
}

// writtenAt returns the time of the controller's last write of a claim, by the clock of the
// API server. It is zero if managedFields lacks it. The answer to a write has
// managedFields, and the cache leaves them out.
func writtenAt(claim *corev1.PersistentVolumeClaim) time.Time {
	var last time.Time
	for _, entry := range claim.ManagedFields {
		if entry.Manager == kube.FieldOwner && entry.Time != nil && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}
