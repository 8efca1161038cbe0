package manifests

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestOnlyWhatIsOverIsDeleted checks that the controller can delete only volumes
// that have expired by the API server's clock, and claims that never had one.
func TestOnlyWhatIsOverIsDeleted(t *testing.T) {
	local(t)
	// A namespace without a Course, which would have to agree.
	const namespace = "expiring"
	makeNamespace(t, apiserver.Client(t), namespace)
	at := func(from time.Duration) string { return time.Now().Add(from).UTC().Format(v1alpha1.KeepUntilLayout) }
	past, future := at(-time.Hour), at(time.Hour)
	announced := func(until string) string { return until + " announced " + at(-48*time.Hour) }

	for _, test := range []struct {
		name, until, announced, condemned string
		// writer is the account that condemned the volume.
		writer  string
		refused []string
		// unbound is set if the claim never had a volume.
		unbound bool
	}{
		{name: "in-use", writer: controller.Name, refused: []string{"volume-deletion.carrel.dev", "'in-use' is not to go", "keep-until is ''"}},
		{name: "for-ever", until: v1alpha1.KeepForever, announced: announced(v1alpha1.KeepForever), condemned: past, writer: controller.Name, refused: []string{"'for-ever' is not to go", "'Forever'"}},
		{name: "unannounced", until: past, condemned: past, writer: controller.Name, refused: []string{"'unannounced' was not announced"}},
		{name: "announced-for-another-time", until: past, announced: announced(future), condemned: past, writer: controller.Name, refused: []string{"was not announced"}},
		{name: "too-early", until: future, announced: announced(future), condemned: future, writer: controller.Name, refused: []string{"kept until " + future, "not over by the clock of the API server"}},
		{name: "by-nobody-knows-whose-clock", until: past, announced: announced(past), condemned: past, writer: "kubectl", refused: []string{"not over by the clock"}},
		{name: "uncondemned", until: past, announced: announced(past), writer: controller.Name, refused: []string{"not over by the clock"}},
		{name: "over", until: past, announced: announced(past), condemned: past, writer: controller.Name},
		{name: "never-bound", writer: controller.Name, unbound: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			volume := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: test.name, Labels: map[string]string{}, Annotations: map[string]string{}}}
			volume.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
			volume.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
			if !test.unbound {
				volume.Spec.VolumeName = test.name
			}
			set(volume.Labels, v1alpha1.KeepUntilLabel, test.until)
			set(volume.Annotations, v1alpha1.AnnouncedAnnotation, test.announced)
			set(volume.Annotations, v1alpha1.CondemnedAnnotation, test.condemned)
			if err := apiserver.Client(t).Create(t.Context(), volume, client.FieldOwner(test.writer)); err != nil {
				t.Fatal(err)
			}
			c := as(t, controller.Namespace, controller.Name)
			check(t, test.refused, func(ctx context.Context) error { return c.Delete(ctx, volume.DeepCopy(), client.DryRunAll) })
		})
	}
}

// TestCourseHasToAgreeToADeletion checks that the controller can delete no expired volume
// of a course that is suspended, was changed just now, or has errors in its rosters.
func TestCourseHasToAgreeToADeletion(t *testing.T) {
	local(t)
	const namespace = "agreeing"
	admin := apiserver.Client(t)
	makeNamespace(t, admin, namespace)
	past := time.Now().Add(-time.Hour).UTC().Format(v1alpha1.KeepUntilLayout)
	volume := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: "over", Labels: map[string]string{v1alpha1.KeepUntilLabel: past},
		Annotations: map[string]string{v1alpha1.AnnouncedAnnotation: past + " announced " + past, v1alpha1.CondemnedAnnotation: past},
	}}
	volume.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	volume.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	volume.Spec.VolumeName = "over"
	if err := admin.Create(t.Context(), volume, client.FieldOwner(controller.Name)); err != nil {
		t.Fatal(err)
	}
	c := as(t, controller.Namespace, controller.Name)
	deletes := func(refused ...string) {
		t.Helper()
		check(t, refused, func(ctx context.Context) error { return c.Delete(ctx, volume.DeepCopy(), client.DryRunAll) })
	}
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: namespace}}
	status := func(edit func(*v1alpha1.CourseStatus)) {
		t.Helper()
		before := course.DeepCopy()
		edit(&course.Status)
		if err := c.Status().Patch(t.Context(), course, client.MergeFrom(before), client.FieldOwner(controller.Name)); err != nil {
			t.Fatal(err)
		}
	}
	deletes()
	if err := admin.Create(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	deletes("volume-deletion-course.carrel.dev", "the last change of Course 'agreeing' has not taken effect yet")
	status(func(s *v1alpha1.CourseStatus) { s.ObservedGeneration = course.Generation })
	deletes()
	valid := metav1.Condition{Type: v1alpha1.RosterValidCondition, Status: metav1.ConditionFalse, Reason: v1alpha1.RosterInvalidReason, LastTransitionTime: metav1.Now()}
	status(func(s *v1alpha1.CourseStatus) { s.Conditions = []metav1.Condition{valid} })
	deletes("the rosters of Course 'agreeing' were not read without error")
	status(func(s *v1alpha1.CourseStatus) { s.Conditions[0].Status = metav1.ConditionTrue })
	deletes()
	course.Spec.Suspend = true
	if err := admin.Update(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	deletes("Course 'agreeing' is suspended")
}

func set(into map[string]string, key, value string) {
	if value != "" {
		into[key] = value
	}
}
