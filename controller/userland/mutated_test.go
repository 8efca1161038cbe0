package userland_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

const mirrored = "mirror.example/ide:1"

// mirror lets the API server give every Deployment of the namespace another image, as
// a cluster with a mirror of images does.
func mirror(w *classroom.Classroom) {
	w.Helper()
	name := "mirror-" + w.Namespace
	policy := &admissionv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.Namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{"apps"}, APIVersions: []string{"v1"}, Resources: []string{"deployments"}},
				}}},
			},
			ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
			Mutations: []admissionv1.Mutation{{
				PatchType: admissionv1.PatchTypeJSONPatch,
				JSONPatch: &admissionv1.JSONPatch{Expression: fmt.Sprintf(`[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: %q}]`, mirrored)},
			}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: name}}
	for _, object := range []client.Object{policy, binding} {
		if err := w.Create(w.Context(), object); err != nil {
			w.Fatal(err)
		}
		w.Cleanup(func() {
			if err := w.Delete(context.Background(), object); err != nil {
				w.Error(err)
			}
		})
	}
	// The API server takes up policies a moment after they are made.
	w.Until(func() error {
		labels := map[string]string{"app": "tried"}
		tried := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "tried"}, Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "ide", Image: "ide:1"}}}},
		}}
		if err := w.Create(w.Context(), tried, client.DryRunAll); err != nil {
			return err
		}
		if image := classroom.Image(tried); image != mirrored {
			return fmt.Errorf("a Deployment would have the image %q, want %q: the policy is not at work", image, mirrored)
		}
		return nil
	})
}

// What a webhook insists on is left to it, and costs nothing after a restart.
func TestMutatedObjectsAreLeftAlone(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	mirror(w)
	w.Make(classroom.IDE(), w.Course(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Settled()
	if image := classroom.Image(classroom.Get[appsv1.Deployment](w, "hanako")); image != mirrored {
		t.Fatalf("the Deployment has the image %q, want %q", image, mirrored)
	}

	w.Stop()
	w.Start()
	w.Settled()
	silent(w, "started again")

	// An edit of the Template is applied all the same, and settles again.
	classroom.Change(w, "ide", func(template *v1alpha1.Template) {
		template.Spec.Template.Spec.Containers[0].Args = []string{"--verbose"}
	})
	w.Restart("hanako")
	w.Until(func() error {
		if d := classroom.Get[appsv1.Deployment](w, "hanako"); !slices.Equal(d.Spec.Template.Spec.Containers[0].Args, []string{"--verbose"}) {
			return fmt.Errorf("the Deployment has the arguments %v", d.Spec.Template.Spec.Containers[0].Args)
		}
		return nil
	})
	w.Settled()
	before := len(w.Requests.Writes())
	w.Settled()
	if writes := w.Requests.Writes()[before:]; len(writes) > 0 {
		t.Errorf("settled, the controllers still write: %v", writes)
	}
}
