package volume

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestNeverUsed(t *testing.T) {
	named := func(name string) func(*corev1.PersistentVolumeClaim) {
		return func(c *corev1.PersistentVolumeClaim) { c.Name = name }
	}
	fromReset := func(c *corev1.PersistentVolumeClaim) { c.Annotations[v1alpha1.ResetAnnotation] = "20261201T000000Z" }
	for _, test := range []struct {
		name      string
		claims    []corev1.PersistentVolumeClaim
		userlands []v1alpha1.Userland
		want      []string
	}{
		{name: "its user is not in the course", claims: []corev1.PersistentVolumeClaim{left(never)}, want: []string{"hanako--home"}},
		{name: "it was used", claims: []corev1.PersistentVolumeClaim{left()}},
		{name: "it has a date", claims: []corev1.PersistentVolumeClaim{left(never, promised(in(0)))}},
		{name: "it never had a volume, so the controller deletes it", claims: []corev1.PersistentVolumeClaim{left(never, pending)}},
		{name: "it is the only one of a carrel that starts", claims: []corev1.PersistentVolumeClaim{left(never)},
			userlands: []v1alpha1.Userland{*enrolled("hanako", "hanako").Userland}},
		{name: "a restored one counts for the carrel", claims: []corev1.PersistentVolumeClaim{left(never), left(named("hanako--home--restored-1"))},
			userlands: []v1alpha1.Userland{*enrolled("hanako", "hanako").Userland}, want: []string{"hanako--home"}},
		{name: "a reset asked for it", claims: []corev1.PersistentVolumeClaim{left(), left(never, fromReset, named("hanako--home--reset"))},
			userlands: []v1alpha1.Userland{*enrolled("hanako", "hanako").Userland}},
		{name: "in the order of their users", claims: []corev1.PersistentVolumeClaim{left(never), left(never, named("aoi--home"), func(c *corev1.PersistentVolumeClaim) {
			c.Annotations[v1alpha1.UserAnnotation] = "aoi"
		})}, want: []string{"aoi--home", "hanako--home"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, k := range NeverUsed(course(), test.userlands, slices.Clone(test.claims)) {
				got = append(got, k.Claim)
				if !k.NeverUsed || !k.Forever() {
					t.Errorf("%s is not marked as never used, and kept for ever: %+v", k.Claim, k)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("never used (-want +got):\n%s", diff)
			}
		})
	}
}
