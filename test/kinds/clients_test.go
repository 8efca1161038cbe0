package kinds

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/clientset/versioned"
	"github.com/carrel-dev/carrel/api/clientset/versioned/fake"
	"github.com/carrel-dev/carrel/api/informers/externalversions"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// The generated clients are used as those of the built-in kinds are.
func TestTypedClients(t *testing.T) {
	apiserver.SkipIfShort(t)
	clients, err := versioned.NewForConfig(apiserver.Config())
	if err != nil {
		t.Fatal(err)
	}
	namespace := apiserver.Namespace(t, apiserver.Client(t))
	carrel := clients.CarrelV1alpha1()
	applied := metav1.ApplyOptions{FieldManager: "test"}
	created := metav1.CreateOptions{FieldManager: "other"}
	ctx := t.Context()

	var spec v1alpha1.TemplateSpec
	if err := yaml.Unmarshal([]byte(pod), &spec); err != nil {
		t.Fatal(err)
	}
	template, err := carrel.Templates(namespace).Create(ctx, &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Name: "ide"}, Spec: spec}, created)
	if err != nil {
		t.Fatal(err)
	}
	template.Status.Userlands = &v1alpha1.TemplateUserlands{Total: 3}
	if template, err = carrel.Templates(namespace).UpdateStatus(ctx, template, metav1.UpdateOptions{}); err != nil || template.Status.Userlands.Total != 3 {
		t.Errorf("UpdateStatus of a Template: %+v, %v", template.Status, err)
	}

	if _, err := carrel.Courses(namespace).Apply(ctx, applyv1alpha1.Course("prog1", namespace).WithSpec(applyv1alpha1.CourseSpec().WithTitle("Programming 1")), applied); err != nil {
		t.Errorf("Apply of a Course: %v", err)
	}
	if _, err := carrel.Userlands(namespace).Apply(ctx, applyv1alpha1.Userland("hanako", namespace).WithSpec(applyv1alpha1.UserlandSpec().WithTemplateName("ide")), applied); err != nil {
		t.Fatalf("Apply of a Userland: %v", err)
	}
	u, err := carrel.Userlands(namespace).ApplyStatus(ctx, applyv1alpha1.Userland("hanako", namespace).WithStatus(applyv1alpha1.UserlandStatus().WithState("Running")), applied)
	if err != nil || u.Status.State != "Running" || u.Spec.TemplateName != "ide" {
		t.Errorf("ApplyStatus of a Userland: %+v, %v", u, err)
	}

	want := []string{"Course prog1", "Template ide", "Userland hanako Running"}
	if diff := cmp.Diff(want, listed(ctx, t, clients, namespace)); diff != "" {
		t.Errorf("the listers know (-want +got):\n%s", diff)
	}
}

// listed is what informers bring to their listers.
func listed(ctx context.Context, t *testing.T, clients versioned.Interface, namespace string) []string {
	t.Helper()
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	factory := externalversions.NewSharedInformerFactoryWithOptions(clients, 0, externalversions.WithNamespace(namespace))
	carrel := factory.Carrel().V1alpha1()
	courses, templates, userlands := carrel.Courses().Lister(), carrel.Templates().Lister(), carrel.Userlands().Lister()
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			t.Fatalf("the informer of %s does not sync", kind)
		}
	}
	var names []string
	theirs, err := courses.Courses(namespace).List(labels.Everything())
	for _, c := range theirs {
		names = append(names, "Course "+c.Name)
	}
	ides, err2 := templates.Templates(namespace).List(labels.Everything())
	for _, tpl := range ides {
		names = append(names, "Template "+tpl.Name)
	}
	students, err3 := userlands.Userlands(namespace).List(labels.Everything())
	for _, u := range students {
		names = append(names, "Userland "+u.Name+" "+u.Status.State)
	}
	if err != nil || err2 != nil || err3 != nil {
		t.Errorf("list: %v, %v, %v", err, err2, err3)
	}
	return names
}

// The fake is for tests of programs that use the clients. It does no
// server-side apply for kinds that come from a CRD, as with any generated one.
func TestFakeClients(t *testing.T) {
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako"}}
	clients := fake.NewSimpleClientset(hanako)
	hanako.Status.State = v1alpha1.StateAsleep
	if _, err := clients.CarrelV1alpha1().Userlands("prog1").UpdateStatus(t.Context(), hanako, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Userland hanako Asleep"}, listed(t.Context(), t, clients, "prog1")); diff != "" {
		t.Errorf("the listers know (-want +got):\n%s", diff)
	}
}
