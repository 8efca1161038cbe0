// Package volume attaches volumes to the carrels of Userlands. A reconciler of its own
// keeps the volumes that nobody uses for the time promised, and deletes them then.
package volume

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

var claimKind = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")

// Keeper attaches volumes. It has no state of its own, because the claims record
// everything.
type Keeper struct {
	client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Recent reports whether the cache is behind the controller's own writes.
	Recent *kube.Recent
	// Events records events for people.
	Events events.EventRecorder
	// Clock returns the time.
	Clock clock.PassiveClock
}

// Attached holds the claims of a carrel. Notice and Next are valid with an error too.
type Attached struct {
	// Claims are in the order of the volumes.
	Claims []corev1.PersistentVolumeClaim
	// Notice is appended to the message of the carrel. It may be empty.
	Notice string
	// Next is the time at which a claim needs another step. Zero means never.
	Next time.Time
}

// Attach creates the claims that are missing, and corrects those that exist. Claims that
// the carrel has no use for are the Reconciler's. Its errors match
// *corevolume.OtherUserError, *workload.ForeignError or kube.ErrCacheBehind where
// that is the matter.
func (k *Keeper) Attach(ctx context.Context, u *v1alpha1.Userland, a corevolume.Attachments) (attached Attached, err error) {
	for _, one := range a.Used {
		claim, notice, next, err := k.provide(ctx, u, one)
		if err != nil {
			return attached, err
		}
		attached.Claims = append(attached.Claims, *claim)
		attached.Notice += notice
		attached.Next = sooner(attached.Next, next)
	}
	return attached, nil
}

// provide creates the claim if there is none, and corrects its marks and its size.
// It returns what to tell people, and when the claim needs another step.
func (k *Keeper) provide(ctx context.Context, u *v1alpha1.Userland, a corevolume.Attachment) (claim *corev1.PersistentVolumeClaim, notice string, next time.Time, err error) {
	claim = a.Claim.DeepCopy()
	if a.Replace {
		return nil, "", next, k.replace(ctx, claim)
	}
	if claim == nil {
		made, inTheWay, err := k.make(ctx, u, a)
		if err != nil || made != nil {
			return made, "", next, err
		}
		claim = inTheWay
	}
	until, kept := claim.Labels[v1alpha1.KeepUntilLabel]
	if err := k.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { a.PutInUse(claim, u) }); err != nil {
		return nil, "", next, err
	}
	if kept {
		k.Events.Eventf(u, claim, corev1.EventTypeNormal, "VolumeReattached", "Attach",
			"volume claim %s, which was kept until %s, is in use again", claim.Name, until)
	}
	notice, next, err = k.grow(ctx, claim, a)
	return claim, notice, next, err
}

// replace deletes a claim that never had a volume. It returns a
// *workload.LeavingError if that succeeds: another one is made when it is gone.
func (k *Keeper) replace(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	if claim.DeletionTimestamp == nil {
		err := k.Delete(ctx, claim, client.Preconditions{UID: &claim.UID, ResourceVersion: &claim.ResourceVersion})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete volume claim %q, which never had a volume and is made again as the Template says now: %w", claim.Name, err)
		}
	}
	return &workload.LeavingError{Kind: claimKind.Kind, Name: claim.Name}
}

// make posts a claim. If its name is taken by a claim that the cache does not show,
// make returns that one if the carrel may have it, else it tries the next name.
func (k *Keeper) make(ctx context.Context, u *v1alpha1.Userland, a corevolume.Attachment) (made, inTheWay *corev1.PersistentVolumeClaim, err error) {
	for number := 1; number <= mostNames; number++ {
		made, err = a.Fresh(u)
		if err != nil {
			return nil, nil, err
		}
		if number > 1 {
			made.Name = corevolume.FreshName(u, a.Volume.Name, a.ResetAt, number)
		}
		err = k.create(ctx, made)
		if err == nil || !apierrors.IsAlreadyExists(err) {
			return made, nil, err
		}
		inTheWay, err = unlabelled(ctx, k.Live, client.ObjectKeyFromObject(made))
		switch {
		case err != nil:
			return nil, nil, err
		case inTheWay == nil:
			return nil, nil, kube.ErrCacheBehind
		case a.MayBe(inTheWay, u):
			return nil, inTheWay, nil
		case corevolume.OwnerOf(inTheWay) == "":
			// The claim may hold the user's work without its marks, so a person must decide.
			return nil, nil, corevolume.MayAttach(u, inTheWay)
		}
	}
	return nil, nil, &workload.ForeignError{Kind: claimKind.Kind, Name: a.Name, Owner: "others, and so do the next names"}
}

// mostNames is the largest number of names that are tried for a fresh claim.
const mostNames = 10

// create posts a claim. It returns kube.ErrCacheBehind if the controller did that
// already and the cache does not show it.
func (k *Keeper) create(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	key := client.ObjectKeyFromObject(claim)
	if k.Recent.Behind(claimKind, key, "") {
		return kube.ErrCacheBehind
	}
	k.Recent.Creating(claimKind, key)
	if err := k.Create(ctx, claim, client.FieldOwner(kube.FieldOwner)); err != nil {
		k.Recent.Failed(claimKind, key)
		return fmt.Errorf("create volume claim %q: %w", key.Name, err)
	}
	k.Recent.Wrote(claimKind, claim)
	return nil
}

// RecordFirstUse records that a pod runs with a claim from now on.
func (k *Keeper) RecordFirstUse(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	at := map[string]string{v1alpha1.AttachedAnnotation: corevolume.Stamp(k.Clock.Now())}
	return k.mark(ctx, claim.DeepCopy(), func(claim *corev1.PersistentVolumeClaim) { claim.Annotations = merged(claim.Annotations, at) })
}

// mark changes labels and annotations of a claim, and nothing else of it.
func (k *Keeper) mark(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim)) error {
	if k.behind(claim) {
		return kube.ErrCacheBehind
	}
	before := claim.DeepCopy()
	change(claim)
	if claim.DeletionTimestamp != nil || maps.Equal(before.Labels, claim.Labels) && maps.Equal(before.Annotations, claim.Annotations) {
		return nil
	}
	return k.patch(ctx, claim, before)
}

func (k *Keeper) patch(ctx context.Context, claim, before *corev1.PersistentVolumeClaim) error {
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := k.Patch(ctx, claim, patch, client.FieldOwner(kube.FieldOwner)); err != nil {
		return fmt.Errorf("change volume claim %q: %w", claim.Name, err)
	}
	k.Recent.Wrote(claimKind, claim)
	return nil
}

func (k *Keeper) behind(claim *corev1.PersistentVolumeClaim) bool {
	return k.Recent.Behind(claimKind, client.ObjectKeyFromObject(claim), claim.ResourceVersion)
}

func merged(into, from map[string]string) map[string]string {
	if into == nil {
		into = map[string]string{}
	}
	maps.Copy(into, from)
	return into
}

// sooner returns the earlier of two times. Zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
