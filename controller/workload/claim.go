package workload

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Claim is the claim of one volume of a Userland. It has no owner: a student's
// work must not go with any other object. Its annotations record whose it is.
func Claim(u *v1alpha1.Userland, volume v1alpha1.Volume) (*corev1ac.PersistentVolumeClaimApplyConfiguration, error) {
	spec := corev1ac.PersistentVolumeClaimSpec()
	if err := convert(volume.PVCSpec, spec); err != nil {
		return nil, fmt.Errorf("claim of volume %q: %w", volume.Name, err)
	}
	meta := ClaimMeta(u, volume)
	return corev1ac.PersistentVolumeClaim(meta.Name, meta.Namespace).
		WithLabels(meta.Labels).
		WithAnnotations(meta.Annotations).
		WithSpec(spec), nil
}

// ClaimMeta is what a claim is known by: all that is kept up to date of one that
// exists, since the rest of a claim can't be changed.
func ClaimMeta(u *v1alpha1.Userland, volume v1alpha1.Volume) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: u.Namespace,
		Name:      ClaimName(u, volume.Name),
		Labels:    labels(u),
		Annotations: map[string]string{
			v1alpha1.UserAnnotation:   u.User(),
			v1alpha1.VolumeAnnotation: volume.Name,
			v1alpha1.RetainAnnotation: volume.Retain,
		},
	}
}

// SampleClaim is a claim to try a Template on the API server with.
func SampleClaim(t *v1alpha1.Template, volume v1alpha1.Volume) (*corev1ac.PersistentVolumeClaimApplyConfiguration, error) {
	return Claim(sampleUser(t), volume)
}

// sampleUser has a name that no Userland can have.
func sampleUser(t *v1alpha1.Template) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: "sample" + separator + "userland"}}
}
