package volume

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Need is what a carrel needs.
type Need struct {
	Userland *v1alpha1.Userland
	// Volumes are those of its revision, as the Template describes them. One that
	// the Template no longer describes has a name only.
	Volumes []v1alpha1.Volume
	// Mounted names, by volume, the claims that its Deployment mounts.
	Mounted map[string]string
	// ResetAt asks for volumes that are no older; nil: for those that exist.
	ResetAt *metav1.Time
}

// Stock is what exists for a carrel.
type Stock struct {
	// Claims are the claims with the label of the Userland, and those that its
	// Deployment mounts, whatever their labels.
	Claims []corev1.PersistentVolumeClaim
	// Growing has the names of the storage classes whose volumes can grow.
	Growing map[string]bool
	// Missing has the names of the storage classes that claims wait for and that do not
	// exist.
	Missing map[string]bool
}

// Attachments are what a carrel does with its claims, old and new.
type Attachments struct {
	// Used has one attachment for each volume, in the order of the volumes.
	Used []Attachment
	// Former claims are of a user who is gone and had this Userland's name. What was
	// promised about them holds, whatever becomes of the rest.
	Former []*corev1.PersistentVolumeClaim
	// Unused claims are the user's own, and no volume needs them.
	Unused []*corev1.PersistentVolumeClaim
}

// An Attachment is the claim of one volume.
type Attachment struct {
	Volume v1alpha1.Volume
	// Name is that of the claim, also of one that is to be created.
	Name string
	// Claim is nil if there is none yet.
	Claim *corev1.PersistentVolumeClaim
	// ResetAt is the request that a claim to be created answers; nil: none.
	ResetAt *metav1.Time
	// Grow is the size that the claim is to be given; nil: it keeps its own.
	Grow *resource.Quantity
	// Replace is set if the claim has never had a volume and was made of another
	// pvcSpec than the Template has now: it is deleted and made again.
	Replace bool
	// Notice says why the claim keeps its size although the Template has another,
	// to be put after a message; empty: there is nothing to say.
	Notice string
}

// Names returns the names of the claims by volume.
func (a Attachments) Names() map[string]string {
	names := map[string]string{}
	for _, used := range a.Used {
		names[used.Volume.Name] = used.Name
	}
	return names
}

// WithoutNew returns the attachments without the claims that do not exist.
func (a Attachments) WithoutNew() Attachments {
	var used []Attachment
	for _, one := range a.Used {
		if one.Claim != nil {
			used = append(used, one)
		}
	}
	a.Used = used
	return a
}

// Existing returns the claims in use that exist.
func (a Attachments) Existing() []corev1.PersistentVolumeClaim {
	var claims []corev1.PersistentVolumeClaim
	for _, used := range a.Used {
		if used.Claim != nil {
			claims = append(claims, *used.Claim)
		}
	}
	return claims
}

// Attach decides which claim each volume of a carrel is given, and which ones the
// carrel has no use for. If one belongs to somebody else, it returns an
// *OtherUserError or a *workload.ForeignError, and of the attachments those only
// that do not depend on it.
func Attach(n Need, s Stock) (Attachments, error) {
	a := Attachments{Former: former(n.Userland, s.Claims)}
	for _, volume := range n.Volumes {
		claim, err := counting(n, s, volume.Name)
		if err != nil {
			return Attachments{Former: a.Former}, err
		}
		a.Used = append(a.Used, attachment(n, s, volume, claim))
	}
	a.Unused = unused(n, s.Claims, a.Names())
	return a, nil
}

// former returns the claims of another user for which a promise was made. None is
// made for others: a Userland that names the wrong user is more likely a mistake.
func former(u *v1alpha1.Userland, claims []corev1.PersistentVolumeClaim) (found []*corev1.PersistentVolumeClaim) {
	for i := range claims {
		owner, recorded := claims[i].Annotations[v1alpha1.UserAnnotation]
		_, promised := claims[i].Labels[v1alpha1.KeepUntilLabel]
		if recorded && promised && owner != u.User() {
			found = append(found, &claims[i])
		}
	}
	return found
}

// counting returns the claim that counts for a volume; nil if none does.
func counting(n Need, s Stock, volume string) (counts *corev1.PersistentVolumeClaim, err error) {
	for i := range s.Claims {
		claim := &s.Claims[i]
		if !IsFor(claim, n.Userland, volume) && claim.Name != n.Mounted[volume] {
			continue
		}
		if err := MayAttach(n.Userland, claim); err != nil {
			return nil, err
		}
		if counts == nil || Newer(claim, counts) {
			counts = claim
		}
	}
	if counts != nil && n.ResetAt != nil && counts.Annotations[v1alpha1.ResetAnnotation] < Stamp(n.ResetAt.Time) {
		return nil, nil
	}
	return counts, nil
}

func attachment(n Need, s Stock, volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) Attachment {
	if claim == nil {
		return Attachment{Volume: volume, Name: FreshName(n.Userland, volume.Name, n.ResetAt), ResetAt: n.ResetAt}
	}
	a := Attachment{Volume: volume, Name: claim.Name, Claim: claim, Replace: outdated(volume, claim)}
	a.Grow, a.Notice = growth(volume, claim, s.Growing)
	return a
}

// unused returns the user's own claims that no volume needs and nothing mounts.
func unused(n Need, claims []corev1.PersistentVolumeClaim, used map[string]string) (found []*corev1.PersistentVolumeClaim) {
	busy := map[string]bool{}
	for _, names := range []map[string]string{used, n.Mounted} {
		for _, name := range names {
			busy[name] = true
		}
	}
	for i := range claims {
		if !busy[claims[i].Name] && MayAttach(n.Userland, &claims[i]) == nil {
			found = append(found, &claims[i])
		}
	}
	return found
}

// growth returns the size to give a claim, or why it keeps the one it has. A claim
// that is not bound yet can't grow; that it is bound is an event.
func growth(volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim, growing map[string]bool) (grow *resource.Quantity, notice string) {
	want, wanted := volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]
	have := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	class := ptr.Deref(claim.Spec.StorageClassName, "")
	switch order := want.Cmp(have); {
	case !wanted || claim.DeletionTimestamp != nil:
		return nil, ""
	case order == 0:
		return nil, resizeTrouble(volume, claim)
	case order < 0:
		return nil, fmt.Sprintf("; its volume %q stays at %s, since volumes can't shrink to %s: set that or more in the Template", volume.Name, &have, &want)
	case claim.Status.Phase != corev1.ClaimBound:
		return nil, ""
	case !growing[class]:
		return nil, fmt.Sprintf("; its volume %q stays at %s, since storage class %q can't grow volumes to %s: set allowVolumeExpansion in the class if its provisioner can",
			volume.Name, &have, class, &want)
	default:
		return &want, ""
	}
}

// resizeTrouble passes on why a claim that is to grow does not, to be put after a
// message; empty: nothing is in the way.
func resizeTrouble(volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) string {
	for _, c := range claim.Status.Conditions {
		resizing := c.Type == corev1.PersistentVolumeClaimControllerResizeError || c.Type == corev1.PersistentVolumeClaimNodeResizeError
		if resizing && c.Status == corev1.ConditionTrue {
			return fmt.Sprintf("; its volume %q does not grow: %s", volume.Name, c.Message)
		}
	}
	return ""
}

// ClassesToGrow returns the names of the storage classes of claims that are smaller
// than the volumes they are for.
func ClassesToGrow(claims []corev1.PersistentVolumeClaim, volumes []v1alpha1.Volume) (classes []string) {
	for i := range claims {
		have := claims[i].Spec.Resources.Requests[corev1.ResourceStorage]
		for _, volume := range volumes {
			want := volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]
			class := ptr.Deref(claims[i].Spec.StorageClassName, "")
			if claims[i].Annotations[v1alpha1.VolumeAnnotation] == volume.Name && want.Cmp(have) > 0 && !slices.Contains(classes, class) {
				classes = append(classes, class)
			}
		}
	}
	return classes
}
