package manifests

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestNamespaceOfACourseIsNotDeletedByTheWay checks that not even the cluster's
// administrator deletes a course's namespace by mistake.
func TestNamespaceOfACourseIsNotDeletedByTheWay(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	label := map[string]string{v1alpha1.CourseLabel: "leaving"}
	remove := func(o *corev1.Namespace) func(context.Context) error {
		return func(ctx context.Context) error { return admin.Delete(ctx, o.DeepCopy(), client.DryRunAll) }
	}
	patch := func(body string) func(o *corev1.Namespace) func(context.Context) error {
		return func(o *corev1.Namespace) func(context.Context) error {
			return func(ctx context.Context) error {
				return admin.Patch(ctx, o.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(body)), client.DryRunAll)
			}
		}
	}
	for _, test := range []struct {
		name, allowed string
		labels        map[string]string
		do            func(*corev1.Namespace) func(context.Context) error
		refused       []string
	}{
		{name: "a-course", labels: label, do: remove, refused: []string{
			"namespace-deletion.carrel.dev", "'a-course' is a course", "kubectl annotate namespace a-course carrel.dev/allow-deletion=a-course",
		}},
		{name: "a-course-allowed-for-all", labels: label, allowed: "true", do: remove, refused: []string{"namespace-deletion.carrel.dev"}},
		{name: "a-course-allowed", labels: label, allowed: "a-course-allowed", do: remove},
		{name: "no-course", do: remove},
		{name: "a-course-no-more", labels: label, do: patch(`{"metadata": {"labels": {"carrel.dev/course": null}}}`), refused: []string{
			"namespace-label.carrel.dev", "carrel.dev/allow-deletion=a-course-no-more",
		}},
		{name: "another-course", labels: label, do: patch(`{"metadata": {"labels": {"carrel.dev/course": "x"}}}`), refused: []string{"namespace-label.carrel.dev"}},
		{name: "given-up", labels: label, allowed: "given-up", do: patch(`{"metadata": {"labels": {"carrel.dev/course": null}}}`)},
		{name: "edited-otherwise", labels: label, do: patch(`{"metadata": {"labels": {"a": "b"}, "annotations": {"carrel.dev/allow-deletion": "edited-otherwise"}}}`)},
		{name: "made-a-course", do: patch(`{"metadata": {"labels": {"carrel.dev/course": "made-a-course"}}}`)},
	} {
		t.Run(test.name, func(t *testing.T) {
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: test.name, Labels: test.labels}}
			if test.allowed != "" {
				namespace.Annotations = map[string]string{v1alpha1.AllowDeletionAnnotation: test.allowed}
			}
			if err := admin.Create(t.Context(), namespace); err != nil {
				t.Fatal(err)
			}
			check(t, test.refused, test.do(namespace))
		})
	}
}

// TestNamespaceOfACourseIsTheMaintainers checks that the accounts of Flux and of
// the course can't allow the deletion, and that Flux's prune leaves the namespace.
func TestNamespaceOfACourseIsTheMaintainers(t *testing.T) {
	for _, namespace := range typed[corev1.Namespace](t, local(t), "Namespace") {
		if namespace.Labels[v1alpha1.CourseLabel] == "" {
			continue
		}
		if namespace.Annotations["kustomize.toolkit.fluxcd.io/prune"] != "disabled" {
			t.Errorf("Flux would prune namespace %s", namespace.Name)
		}
		if _, allowed := namespace.Annotations[v1alpha1.AllowDeletionAnnotation]; allowed {
			t.Errorf("namespace %s is made ready for deletion", namespace.Name)
		}
	}
	for _, account := range []types.NamespacedName{roster, templates, carrels, controller, reporter} {
		c := as(t, account.Namespace, account.Name)
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "prog1"}}
		check(t, []string{"cannot patch"}, func(ctx context.Context) error {
			return c.Patch(ctx, namespace, client.RawPatch(types.MergePatchType, []byte(`{"metadata": {"annotations": {"carrel.dev/report-to": "x", "carrel.dev/allow-deletion": "prog1"}}}`)), client.DryRunAll)
		})
	}
}
