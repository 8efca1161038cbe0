package workload

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Claim is the claim of one volume of a Userland. It has no owner: a student's
// work must not go with any other object. Its annotations record whose it is.
// It is no apply configuration, because a claim is created and never applied
// again: of one that exists only labels and annotations can be changed.
func Claim(u *v1alpha1.Userland, volume v1alpha1.Volume) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: u.Namespace,
			Name:      ClaimName(u, volume.Name),
			Labels:    labels(u),
			Annotations: map[string]string{
				v1alpha1.UserAnnotation:   u.User(),
				v1alpha1.VolumeAnnotation: volume.Name,
				v1alpha1.RetainAnnotation: volume.Retain,
			},
		},
		Spec: *volume.PVCSpec.DeepCopy(),
	}
}

// SampleClaim is a claim to try a Template on the API server with.
func SampleClaim(t *v1alpha1.Template, volume v1alpha1.Volume) *corev1.PersistentVolumeClaim {
	return Claim(sampleUser(t), volume)
}

// sampleUser has a name that no Userland can have.
func sampleUser(t *v1alpha1.Template) *v1alpha1.Userland {
	return &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: t.Namespace, Name: "sample" + separator + "userland"}}
}
