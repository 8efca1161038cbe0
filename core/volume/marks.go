package volume

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// Fresh returns the claim to create for an attachment that has none.
func (a Attachment) Fresh(u *v1alpha1.Userland) (*corev1.PersistentVolumeClaim, error) {
	claim := workload.Claim(u, a.Volume)
	claim.Name = a.Name
	digest, err := SpecDigest(a.Volume)
	if err != nil {
		return nil, err
	}
	claim.Annotations[v1alpha1.ClaimSpecAnnotation] = digest
	claim.Annotations[v1alpha1.ClaimTemplateAnnotation] = a.MadeOf
	claim.Annotations[v1alpha1.AttachedAnnotation] = v1alpha1.NeverAttached
	if a.ResetAt != nil {
		claim.Annotations[v1alpha1.ResetAnnotation] = Stamp(a.ResetAt.Time)
	}
	return claim, nil
}

// PutInUse marks a claim that exists as the one of the attachment.
func (a Attachment) PutInUse(claim *corev1.PersistentVolumeClaim, u *v1alpha1.Userland) {
	want := workload.Claim(u, a.Volume)
	want.Annotations[v1alpha1.ClaimTemplateAnnotation] = a.MadeOf
	if a.Volume.Retain == "" {
		// The Template no longer has it: what was promised stands.
		delete(want.Annotations, v1alpha1.RetainAnnotation)
	}
	claim.Labels = merged(claim.Labels, want.Labels)
	claim.Annotations = merged(claim.Annotations, want.Annotations)
	TakeBack(claim)
}

func merged(into, from map[string]string) map[string]string {
	if into == nil {
		into = map[string]string{}
	}
	maps.Copy(into, from)
	return into
}

// FreshName returns the name of the claim to make for a volume. If several have to be
// tried, the number counts from 1. resetAt is the moment of the request for fresh
// volumes, nil if there is none.
func FreshName(u *v1alpha1.Userland, volume string, resetAt *metav1.Time, number int) string {
	name := workload.ClaimName(u, volume)
	if resetAt != nil {
		name += "--" + strings.ToLower(Stamp(resetAt.Time))
	}
	if number > 1 {
		name += fmt.Sprintf("--%d", number)
	}
	return name
}

// freshName returns the first name for a claim that is not taken.
func freshName(u *v1alpha1.Userland, volume string, resetAt *metav1.Time, taken map[string]bool) string {
	number := 1
	for taken[FreshName(u, volume, resetAt, number)] {
		number++
	}
	return FreshName(u, volume, resetAt, number)
}

// MayBe reports whether a claim that has the name of a fresh one, and was not seen
// before, is the one of the attachment: somebody took the labels by which it is found.
func (a Attachment) MayBe(claim *corev1.PersistentVolumeClaim, u *v1alpha1.Userland) bool {
	holder := claim.Labels[v1alpha1.UserlandLabel]
	return OwnerOf(claim) == u.User() && claim.Annotations[v1alpha1.VolumeAnnotation] == a.Volume.Name && claim.DeletionTimestamp == nil &&
		(holder == "" || holder == u.Name) && claim.Annotations[v1alpha1.ResetAnnotation] == a.resetStamp()
}

func (a Attachment) resetStamp() string {
	if a.ResetAt == nil {
		return ""
	}
	return Stamp(a.ResetAt.Time)
}
