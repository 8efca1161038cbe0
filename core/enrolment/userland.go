package enrolment

import (
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Userland returns the Userland that a row describes, as an apply takes it.
func Userland(c *v1alpha1.Course, want Want) *v1alpha1ac.UserlandApplyConfiguration {
	row := want.Row
	u := v1alpha1ac.Userland(want.Name, c.Namespace).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind("Course").
			WithName(c.Name).WithUID(c.UID).WithController(true)).
		WithSpec(row.Spec())
	if labels := ShardLabels(c); len(labels) > 0 {
		u.WithLabels(labels)
	}
	if row.Name != "" || want.Found != nil && want.Found.Annotations[v1alpha1.NameAnnotation] != "" {
		u.WithAnnotations(map[string]string{v1alpha1.NameAnnotation: row.Name})
	}
	switch replaces := want.Replaces; {
	case replaces != "":
		u.WithAnnotations(map[string]string{v1alpha1.ReplacesAnnotation: string(replaces)})
	case want.Found != nil && want.Found.Annotations[v1alpha1.ReplacesAnnotation] != "":
		// The Userland that it names stays after all.
		u.WithAnnotations(map[string]string{v1alpha1.ReplacesAnnotation: ""})
	}
	return u
}
