package lifecycle

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestFieldsAreThoseOfTheTemplate(t *testing.T) {
	template := &v1alpha1.Template{}
	template.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "scratch"}}
	for _, test := range []struct {
		rename      func(string) string
		field, want string
	}{
		{PodField(template), "spec.template.spec.containers[0].env[2].name", "spec.template.spec.containers[0].env[2].name"},
		{PodField(template), "spec.template.spec.volumes[0].name", "spec.template.spec.volumes[0].name"},
		{PodField(template), "spec.template.spec.volumes[2].name", "spec.volumes[1]"},
		{ServiceField, "spec.ports[0].name", "spec.service.ports[0].name"},
		{ClaimField(1), "spec.accessModes", "spec.volumes[1].pvcSpec.accessModes"},
		{ClaimField(0), "spec", "spec.volumes[0].pvcSpec"},
	} {
		if got := test.rename(test.field); got != test.want {
			t.Errorf("%s is called %s, want %s", test.field, got, test.want)
		}
	}
}
