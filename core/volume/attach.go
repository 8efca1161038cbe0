package volume

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// Need describes a carrel and the volumes that it needs.
type Need struct {
	Userland *v1alpha1.Userland
	// Template is the name of the Template that the Userland follows.
	Template string
	// MadeOf is the name of the Template of its revision. It differs from Template
	// until the carrel is next started.
	MadeOf string
	// Volumes are the volumes of its revision, as the Template describes them. A volume
	// that the Template no longer describes has only a name.
	Volumes []v1alpha1.Volume
	// Mounted names, by volume, the claims that its Deployment mounts.
	Mounted map[string]string
	// Ready is set if a pod is ready with the claims that the Deployment mounts.
	Ready bool
	// ResetAt is the time of a request for fresh volumes. It is nil if there is none.
	ResetAt *metav1.Time
}

// Stock holds the claims and carrels that decide which volumes a carrel is given.
type Stock struct {
	// Claims are the claims of its person, and those that its Deployment mounts,
	// whosever they are.
	Claims []corev1.PersistentVolumeClaim
	// Carrels are the other carrels of its person.
	Carrels []Carrel
	// Strangers are claims with the label of the Userland that record other people, none
	// of whom is in the course, or nobody.
	Strangers []corev1.PersistentVolumeClaim
	// Taken holds the names for fresh claims of the Userland that claims with a recorded
	// user already have.
	Taken map[string]bool
	// Growing has the names of the storage classes whose volumes can grow.
	Growing map[string]bool
	// Missing has the names of the storage classes that claims wait for and that do not
	// exist.
	Missing map[string]bool
}

// Attachments are the claims that a carrel uses, old and new.
type Attachments struct {
	// Used has one attachment for each volume, in the order of the volumes.
	Used []Attachment
	// FirstUses are claims that a pod is ready with and that record no use. They count as
	// used, and the caller has to record that.
	FirstUses []*corev1.PersistentVolumeClaim
}

// An Attachment is the claim of one volume.
type Attachment struct {
	Volume v1alpha1.Volume
	// Name is the name of the claim, which may have to be created.
	Name string
	// Claim is nil if there is none yet.
	Claim *corev1.PersistentVolumeClaim
	// MadeOf is the name of the Template that the carrel is made of.
	MadeOf string
	// ResetAt is the time of the reset that asks for the claim to create. It is nil if there
	// is none.
	ResetAt *metav1.Time
	// Grow is the size that the claim is to be given. It is nil if the claim keeps its size.
	Grow *resource.Quantity
	// Replace is set if the claim has never had a volume and was made of another
	// pvcSpec than the Template has now: it is deleted and made again.
	Replace bool
	// Notice says why the claim keeps its size although the Template has another. It is
	// appended to a message, and may be empty.
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

// Attach decides which claim each volume of a carrel is given. If a person has to decide
// that, Attach returns an *UndecidedError. If a claim belongs to somebody else, Attach
// returns an *OtherUserError or a *workload.ForeignError. With an error, the attachments
// have the first uses only.
func Attach(n Need, s Stock) (Attachments, error) {
	// A pod may have written to a volume that the carrel is about to lose, too.
	before := Carrel{Userland: n.Userland, Mounted: n.Mounted, Ready: n.Ready}
	a := Attachments{FirstUses: before.firstUses(s.Claims)}
	s.Claims = withUses(s.Claims, append(slices.Clone(s.Carrels), before))
	assigned := Assign(append(slices.Clone(s.Carrels), n.carrel()), s.Claims, nil)
	var used []Attachment
	for _, volume := range n.Volumes {
		claim, err := n.counting(s, assigned, volume.Name)
		if err != nil {
			return a, err
		}
		used = append(used, n.attachment(s, volume, claim))
	}
	a.Used = used
	return a, nil
}

// firstUses returns the claims that record no use and that a pod of the carrel is ready
// with.
func (c Carrel) firstUses(claims []corev1.PersistentVolumeClaim) (first []*corev1.PersistentVolumeClaim) {
	for i := range claims {
		if c.Ready && !attached(&claims[i]) && c.mounts(&claims[i]) {
			first = append(first, &claims[i])
		}
	}
	return first
}

// withUses returns the claims as they are once the first uses of all carrels are
// recorded: their pods may have written to them already.
func withUses(claims []corev1.PersistentVolumeClaim, carrels []Carrel) []corev1.PersistentVolumeClaim {
	used := slices.Clone(claims)
	for _, carrel := range carrels {
		for _, first := range carrel.firstUses(used) {
			*first = *first.DeepCopy()
			delete(first.Annotations, v1alpha1.AttachedAnnotation)
		}
	}
	return used
}

func (n Need) carrel() Carrel {
	c := Carrel{Userland: n.Userland, Template: n.Template, Mounted: map[string]string{}, Ready: n.Ready}
	for _, volume := range n.Volumes {
		c.Volumes = append(c.Volumes, volume.Name)
		if claim, mounted := n.Mounted[volume.Name]; mounted {
			c.Mounted[volume.Name] = claim
		}
	}
	return c
}

// counting returns the claim that counts for a volume, or nil if a fresh one is to be
// created. A request for fresh volumes decides undecided ones, too.
func (n Need) counting(s Stock, assigned Assignment, volume string) (*corev1.PersistentVolumeClaim, error) {
	at := Place{n.Userland.Name, volume}
	_, undecided := assigned.Undecided[at]
	counts := assigned.Given[at]
	switch {
	case undecided && n.ResetAt == nil:
		return nil, assigned.Undecided[at]
	case undecided:
		return nil, nil
	case counts != nil && n.ResetAt != nil && act(counts) < Stamp(n.ResetAt.Time):
		return nil, nil
	case counts != nil:
		return counts, nil
	}
	for i := range s.Claims {
		if claim := &s.Claims[i]; claim.Name == n.Mounted[volume] {
			if err := MayAttach(n.Userland, claim); err != nil {
				return nil, err
			}
		}
	}
	for i := range s.Strangers {
		claim := &s.Strangers[i]
		recorded := claim.Annotations[v1alpha1.VolumeAnnotation]
		if recorded == volume || recorded == "" && claim.Name == workload.ClaimName(n.Userland, volume) {
			return nil, MayAttach(n.Userland, claim)
		}
	}
	return nil, nil
}

func (n Need) attachment(s Stock, volume v1alpha1.Volume, claim *corev1.PersistentVolumeClaim) Attachment {
	if claim == nil {
		return Attachment{Volume: volume, Name: freshName(n.Userland, volume.Name, n.ResetAt, s.Taken), MadeOf: n.MadeOf, ResetAt: n.ResetAt}
	}
	a := Attachment{Volume: volume, Name: claim.Name, Claim: claim, MadeOf: n.MadeOf, Replace: outdated(volume, claim)}
	a.Grow, a.Notice = growth(volume, claim, s.Growing)
	return a
}

// growth returns the size to give a claim, or why it keeps its size. A claim that is not
// bound yet can't grow. When it is bound, the carrel is reconciled again.
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

// resizeTrouble returns why a claim that is to grow does not, in a form that is appended to
// a message. It is empty if Kubernetes reports no error.
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
