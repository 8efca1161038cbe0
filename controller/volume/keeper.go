// Package volume sees to the volumes of Userlands: that each gets back their own,
// that what nobody uses is kept for the time promised, and that it goes then.
package volume

import (
	"context"
	"fmt"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	corevolume "github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

var claimKind = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")

// Keeper attaches and releases volumes. It remembers nothing: what it has to
// know stands on the claims.
type Keeper struct {
	client.Client
	// Live reads from the API server itself.
	Live client.Reader
	// Recent tells a cache that is behind our own writes.
	Recent *kube.Recent
	// Events tells people what happened.
	Events events.EventRecorder
	// Clock tells the time.
	Clock clock.PassiveClock
}

// Wanted is what a carrel needs.
type Wanted struct {
	Userland *v1alpha1.Userland
	// Volumes are those of its Template. One the Template no longer describes has
	// a name only.
	Volumes []v1alpha1.Volume
	// Mounted are the names of the claims its Deployment mounts, by volume. They
	// are found again by it even when somebody took their labels.
	Mounted map[string]string
	// ResetAt asks for volumes no older than that; nil: for those there are.
	ResetAt *metav1.Time
}

// Attached is what a carrel has. Next counts with an error too.
type Attached struct {
	// Claims are in the order of the volumes wanted, Names are theirs by volume.
	Claims []corev1.PersistentVolumeClaim
	Names  map[string]string
	// Notice is what people must know of them, to go after a message; may be
	// empty.
	Notice string
	// Next is when volumes the carrel has no use for are to be looked at again;
	// zero: never.
	Next time.Time
}

// Attach finds the claims of a carrel by whose they are, makes those that are
// missing, and releases those it has no use for. All are looked at before any is
// made, so that a carrel refused for one leaves no new claim behind. Its errors
// match *corevolume.OtherUserError, *workload.ForeignError or kube.ErrCacheBehind where that
// is the matter.
func (k *Keeper) Attach(ctx context.Context, w Wanted) (Attached, error) {
	all, err := kube.Claims(ctx, k, client.ObjectKeyFromObject(w.Userland))
	if err != nil {
		return Attached{}, err
	}
	attached := Attached{Names: map[string]string{}}
	if attached.Next, err = k.releaseFormer(ctx, w.Userland, all); err != nil {
		return attached, err
	}
	found := make([]*corev1.PersistentVolumeClaim, len(w.Volumes))
	for i, volume := range w.Volumes {
		if found[i], err = k.find(ctx, w, volume.Name, all); err != nil {
			return attached, err
		}
	}
	for i, volume := range w.Volumes {
		claim, notice, err := k.provide(ctx, w, volume, found[i])
		if err != nil {
			return attached, err
		}
		attached.Claims = append(attached.Claims, *claim)
		attached.Names[volume.Name] = claim.Name
		attached.Notice += notice
	}
	next, err := k.releaseUnused(ctx, w, all, attached.Names)
	attached.Next = sooner(attached.Next, next)
	return attached, err
}

// releaseFormer sees to the claims of a user of the same name who is gone. What
// was promised of them stands, whoever has the name by now; nothing is promised
// anew, since a Userland that says the wrong user is more likely a mistake.
func (k *Keeper) releaseFormer(ctx context.Context, u *v1alpha1.Userland, all []corev1.PersistentVolumeClaim) (next time.Time, err error) {
	for i := range all {
		owner, recorded := all[i].Annotations[v1alpha1.UserAnnotation]
		_, promised := all[i].Labels[v1alpha1.KeepUntilLabel]
		if !recorded || !promised || owner == u.User() {
			continue
		}
		again, err := k.release(ctx, &all[i], "its user is gone")
		if err != nil {
			return next, err
		}
		next = sooner(next, again)
	}
	return next, nil
}

// find is the claim of a volume that counts; nil if there is none yet.
func (k *Keeper) find(ctx context.Context, w Wanted, volume string, all []corev1.PersistentVolumeClaim) (*corev1.PersistentVolumeClaim, error) {
	candidates, err := k.candidates(ctx, w, volume, all)
	if err != nil || len(candidates) == 0 {
		return nil, err
	}
	counts := candidates[0]
	for _, claim := range candidates {
		if err := corevolume.MayAttach(w.Userland, claim); err != nil {
			return nil, err
		}
		if corevolume.Newer(claim, counts) {
			counts = claim
		}
	}
	if w.ResetAt != nil && counts.Annotations[v1alpha1.ResetAnnotation] < corevolume.Stamp(w.ResetAt.Time) {
		return nil, nil
	}
	return counts, nil
}

// candidates are the claims for a volume: those labelled so, and the one that is
// mounted, whatever became of its labels.
func (k *Keeper) candidates(ctx context.Context, w Wanted, volume string, all []corev1.PersistentVolumeClaim) ([]*corev1.PersistentVolumeClaim, error) {
	var candidates []*corev1.PersistentVolumeClaim
	seen := map[string]bool{"": true}
	for i := range all {
		if corevolume.IsFor(&all[i], w.Userland, volume) {
			if k.behind(&all[i]) {
				return nil, kube.ErrCacheBehind
			}
			candidates = append(candidates, &all[i])
			seen[all[i].Name] = true
		}
	}
	fresh, mounted := corevolume.FreshName(w.Userland, volume, w.ResetAt), w.Mounted[volume]
	if !seen[fresh] && k.Recent.Behind(claimKind, client.ObjectKey{Namespace: w.Userland.Namespace, Name: fresh}, "") {
		return nil, kube.ErrCacheBehind
	}
	if seen[mounted] {
		return candidates, nil
	}
	claim, err := k.unlabelled(ctx, w.Userland.Namespace, mounted)
	if claim != nil {
		candidates = append(candidates, claim)
	}
	return candidates, err
}

// unlabelled is a claim that the labels don't lead to; nil if it is gone.
func (k *Keeper) unlabelled(ctx context.Context, namespace, name string) (*corev1.PersistentVolumeClaim, error) {
	claim := &corev1.PersistentVolumeClaim{}
	err := k.Live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, claim)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for volume claim %q: %w", name, err)
	}
	return claim, nil
}

// provide makes the claim if there is none, and puts right what is to be said on
// it and how large it is.
func (k *Keeper) provide(ctx context.Context, w Wanted, volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolumeClaim, string, error) {
	if claim == nil {
		made, inTheWay, err := k.make(ctx, w, volume)
		if err != nil || made != nil {
			return made, "", err
		}
		claim = inTheWay
	}
	until, kept := claim.Labels[v1alpha1.KeepUntilLabel]
	err := k.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		want := workload.Claim(w.Userland, volume)
		if volume.Retain == "" {
			// The Template no longer has it: what was promised stands.
			delete(want.Annotations, v1alpha1.RetainAnnotation)
		}
		claim.Labels = merged(claim.Labels, want.Labels)
		claim.Annotations = merged(claim.Annotations, want.Annotations)
		delete(claim.Labels, v1alpha1.KeepUntilLabel)
		delete(claim.Annotations, v1alpha1.AnnouncedAnnotation)
		delete(claim.Annotations, v1alpha1.CondemnedAnnotation)
	})
	if err != nil {
		return nil, "", err
	}
	if kept {
		k.Events.Eventf(w.Userland, claim, corev1.EventTypeNormal, "VolumeReattached", "Attach",
			"volume claim %s, which was kept until %s, is in use again", claim.Name, until)
	}
	notice, err := k.grow(ctx, claim, volume)
	return claim, notice, err
}

// make posts a claim; what is in the way is returned if it is the user's.
func (k *Keeper) make(ctx context.Context, w Wanted, volume v1alpha1.Volume) (made, inTheWay *corev1.PersistentVolumeClaim, err error) {
	made = workload.Claim(w.Userland, volume)
	made.Name = corevolume.FreshName(w.Userland, volume.Name, w.ResetAt)
	if w.ResetAt != nil {
		made.Annotations[v1alpha1.ResetAnnotation] = corevolume.Stamp(w.ResetAt.Time)
	}
	key := client.ObjectKeyFromObject(made)
	k.Recent.Creating(claimKind, key)
	err = k.Create(ctx, made, client.FieldOwner(kube.FieldOwner))
	if err == nil {
		k.Recent.Wrote(claimKind, made)
		return made, nil, nil
	}
	k.Recent.Failed(claimKind, key)
	if !apierrors.IsAlreadyExists(err) {
		return nil, nil, fmt.Errorf("create volume claim %q: %w", made.Name, err)
	}
	inTheWay, err = k.unlabelled(ctx, w.Userland.Namespace, made.Name)
	switch {
	case err != nil:
		return nil, nil, err
	case inTheWay == nil:
		return nil, nil, kube.ErrCacheBehind
	default:
		return nil, inTheWay, corevolume.MayAttach(w.Userland, inTheWay)
	}
}

// releaseUnused sees to the claims of the user that the carrel has no use for.
func (k *Keeper) releaseUnused(ctx context.Context, w Wanted, all []corev1.PersistentVolumeClaim, used map[string]string) (next time.Time, err error) {
	busy := map[string]bool{}
	for _, names := range []map[string]string{used, w.Mounted} {
		for _, name := range names {
			busy[name] = true
		}
	}
	for i := range all {
		if busy[all[i].Name] || corevolume.MayAttach(w.Userland, &all[i]) != nil {
			continue
		}
		at, err := k.release(ctx, &all[i], "the carrel has no use for it")
		if err != nil {
			return next, err
		}
		next = sooner(next, at)
	}
	return next, nil
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

// sooner is the sooner of two moments of which zero means never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
