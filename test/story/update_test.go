package story

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func deployment(name, image string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: systemNamespace, Name: name}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "manager", Image: image}}
	return d
}

func TestRollChangesOnlyDeploymentsOfAnotherBuild(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(
		deployment("controller", "c:dev"), deployment("reporter", "c:dev"), deployment("gateway", "g:dev"), deployment("other", "elsewhere:v1"),
	).Build()
	versions := func() map[string]string {
		t.Helper()
		var all appsv1.DeploymentList
		if err := c.List(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		versions := map[string]string{}
		for _, d := range all.Items {
			versions[d.Name] = d.ResourceVersion
		}
		return versions
	}
	first := versions()
	milestones, err := roll(t.Context(), c, map[string]string{"c:dev": "1", "g:dev": "1"})
	if err != nil || len(milestones) != 3 {
		t.Fatalf("%d milestones, error %v; want one for each of the three Deployments", len(milestones), err)
	}
	second := versions()
	if _, err := roll(t.Context(), c, map[string]string{"c:dev": "1", "g:dev": "2"}); err != nil {
		t.Fatal(err)
	}
	third := versions()
	for name, want := range map[string]struct{ first, second bool }{
		"controller": {true, false}, "reporter": {true, false}, "gateway": {true, true}, "other": {false, false},
	} {
		if got := first[name] != second[name]; got != want.first {
			t.Errorf("%s: first build changed it: %t, want %t", name, got, want.first)
		}
		if got := second[name] != third[name]; got != want.second {
			t.Errorf("%s: second build changed it: %t, want %t", name, got, want.second)
		}
	}
}

func TestRollRefusesAClusterWithoutItsImages(t *testing.T) {
	c := fake.NewClientBuilder().WithObjects(deployment("other", "elsewhere:v1")).Build()
	if _, err := roll(t.Context(), c, map[string]string{"c:dev": "1"}); err == nil {
		t.Error("no Deployment runs an image of the work tree, and nobody is told")
	}
}

func TestRolledOut(t *testing.T) {
	for name, test := range map[string]struct {
		generation int64
		status     appsv1.DeploymentStatus
		want       bool
	}{
		"all new":                    {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, true},
		"not yet seen":               {2, appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, false},
		"the old one is still there": {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 1, AvailableReplicas: 2}, false},
		"the new one is not ready":   {2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 1, UpdatedReplicas: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := deployment("controller", "c:dev")
			d.Generation, d.Status = test.generation, test.status
			c := fake.NewClientBuilder().WithObjects(d).Build()
			if _, got, err := rolledOut(c, d.Name).Reached(t.Context()); err != nil || got != test.want {
				t.Errorf("rolled out: %t, error %v; want %t", got, err, test.want)
			}
		})
	}
}
