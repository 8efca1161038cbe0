package userland

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/apply"
	"github.com/carrel-dev/carrel/controller/index"
	"github.com/carrel-dev/carrel/controller/workload"
)

var claimKind = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")

// OtherUserError tells that a volume holds the work of somebody else.
type OtherUserError struct {
	// Claim is the name of the volume claim, Owner and User are the identities
	// of whose it is and of who would get it.
	Claim, Owner, User string
}

// Error names the claim, both users and the cure.
func (e *OtherUserError) Error() string {
	return fmt.Sprintf("volume claim %q holds the work of user %q, not of %q: give this Userland another metadata.name, or, if that work may go, delete the claim",
		e.Claim, e.Owner, e.User)
}

// attachVolumes makes the claims of a carrel that are missing, keeps the labels
// of those that exist, and returns them. All are looked at before any is made,
// so that a carrel refused for one leaves no new claim behind.
func (r *Reconciler) attachVolumes(ctx context.Context, u *v1alpha1.Userland, volumes []v1alpha1.Volume) ([]corev1.PersistentVolumeClaim, error) {
	found := make([]*corev1.PersistentVolumeClaim, len(volumes))
	for i, volume := range volumes {
		claim, err := r.claim(ctx, u, volume)
		if err != nil {
			return nil, err
		}
		found[i] = claim
	}
	claims := make([]corev1.PersistentVolumeClaim, 0, len(found))
	for i, volume := range volumes {
		claim, err := r.attach(ctx, u, volume, found[i])
		if err != nil {
			return nil, err
		}
		claims = append(claims, *claim)
	}
	return claims, r.welcomeBack(ctx, u)
}

// claim is the claim of a volume as the cache has it; nil if there is none.
func (r *Reconciler) claim(ctx context.Context, u *v1alpha1.Userland, volume v1alpha1.Volume) (*corev1.PersistentVolumeClaim, error) {
	key := client.ObjectKey{Namespace: u.Namespace, Name: workload.ClaimName(u, volume.Name)}
	claim := &corev1.PersistentVolumeClaim{}
	err := r.Get(ctx, key, claim)
	switch {
	case client.IgnoreNotFound(err) != nil:
		return nil, fmt.Errorf("read volume claim %q: %w", key.Name, err)
	case r.Applier.Recent.Behind(claimKind, key, claim.ResourceVersion):
		return nil, apply.ErrCacheBehind
	case apierrors.IsNotFound(err):
		return nil, nil
	default:
		return claim, mayAttach(u, claim)
	}
}

// mayAttach is nil when the claim is recorded as the user's.
func mayAttach(u *v1alpha1.Userland, claim *corev1.PersistentVolumeClaim) error {
	owner, recorded := claim.Annotations[v1alpha1.UserAnnotation]
	switch {
	case !recorded:
		return &apply.ForeignError{Kind: claimKind.Kind, Name: claim.Name, Owner: fmt.Sprintf("nobody that Carrel knows of (it has no annotation %s)", v1alpha1.UserAnnotation)}
	case owner != u.User():
		return &OtherUserError{Claim: claim.Name, Owner: owner, User: u.User()}
	default:
		return nil
	}
}

func (r *Reconciler) attach(ctx context.Context, u *v1alpha1.Userland, volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) (*corev1.PersistentVolumeClaim, error) {
	if claim == nil {
		made, inTheWay, err := r.makeClaim(ctx, u, volume)
		if err != nil || made != nil {
			return made, err
		}
		claim = inTheWay
	}
	return claim, r.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) {
		want := workload.Claim(u, volume)
		if volume.Retain == "" {
			// The Template no longer has it: what was promised stands.
			delete(want.Annotations, v1alpha1.RetainAnnotation)
		}
		claim.Labels = merge(claim.Labels, want.Labels)
		claim.Annotations = merge(claim.Annotations, want.Annotations)
	})
}

// makeClaim posts a claim; what is in the way is returned if it is the user's.
func (r *Reconciler) makeClaim(ctx context.Context, u *v1alpha1.Userland, volume v1alpha1.Volume) (made, inTheWay *corev1.PersistentVolumeClaim, err error) {
	made = workload.Claim(u, volume)
	err = r.Create(ctx, made, client.FieldOwner(apply.FieldOwner))
	if err == nil {
		r.Applier.Recent.Wrote(claimKind, made)
		return made, nil, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, nil, fmt.Errorf("create volume claim %q: %w", made.Name, err)
	}
	inTheWay = &corev1.PersistentVolumeClaim{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(made), inTheWay); err != nil {
		return nil, nil, fmt.Errorf("look at the volume claim in the way: %w", err)
	}
	return nil, inTheWay, mayAttach(u, inTheWay)
}

// welcomeBack takes the end of their keeping from the volumes of a user who is
// here, also from those the present Template has no use for.
func (r *Reconciler) welcomeBack(ctx context.Context, u *v1alpha1.Userland) error {
	claims, err := index.Claims(ctx, r, client.ObjectKeyFromObject(u))
	if err != nil {
		return err
	}
	for i := range claims {
		claim := &claims[i]
		until, kept := claim.Labels[v1alpha1.KeepUntilLabel]
		if !kept || mayAttach(u, claim) != nil {
			continue
		}
		if err := r.mark(ctx, claim, func(claim *corev1.PersistentVolumeClaim) { delete(claim.Labels, v1alpha1.KeepUntilLabel) }); err != nil {
			return err
		}
		r.Events.Eventf(u, claim, corev1.EventTypeNormal, "VolumeReattached", "Attach",
			"volume claim %s, which was kept until %s, is in use again", claim.Name, until)
	}
	return nil
}

// mark changes labels and annotations of a claim, and nothing else of it.
func (r *Reconciler) mark(ctx context.Context, claim *corev1.PersistentVolumeClaim, change func(*corev1.PersistentVolumeClaim)) error {
	if r.Applier.Recent.Behind(claimKind, client.ObjectKeyFromObject(claim), claim.ResourceVersion) {
		return apply.ErrCacheBehind
	}
	before := claim.DeepCopy()
	change(claim)
	if sameMeta(before.ObjectMeta, claim.ObjectMeta) || claim.DeletionTimestamp != nil {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Patch(ctx, claim, patch, client.FieldOwner(apply.FieldOwner)); err != nil {
		return fmt.Errorf("label volume claim %q: %w", claim.Name, err)
	}
	r.Applier.Recent.Wrote(claimKind, claim)
	return nil
}

func sameMeta(a, b metav1.ObjectMeta) bool {
	return maps.Equal(a.Labels, b.Labels) && maps.Equal(a.Annotations, b.Annotations)
}

func merge(into, from map[string]string) map[string]string {
	if into == nil {
		into = map[string]string{}
	}
	maps.Copy(into, from)
	return into
}

func claimNames(u *v1alpha1.Userland, b workload.Blueprint) map[string]string {
	names := map[string]string{}
	for _, volume := range b.Volumes {
		names[volume] = workload.ClaimName(u, volume)
	}
	return names
}
