package manifests

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestCourseIsNotDeletedByTheWay checks that no person deletes a Course that has
// students by mistake, and that no program is refused: Flux would forget the object.
func TestCourseIsNotDeletedByTheWay(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	teacher := rest.ImpersonationConfig{UserName: "teacher@example.ac.jp", Groups: []string{"system:masters"}}
	account := func(namespace, name string) rest.ImpersonationConfig {
		return rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + name, Groups: []string{"system:masters", "system:serviceaccounts"}}
	}
	refused := []string{"course-deletion.carrel.dev", "has 3 carrels", "take the students out of the roster first"}
	for i, test := range []struct {
		name     string
		by       rest.ImpersonationConfig
		students int32
		allowed  string
		refused  []string
	}{
		{name: "a person", by: teacher, students: 3, refused: refused},
		{name: "the cluster's administrator", students: 3, refused: refused},
		{name: "a person who allows another one's", by: teacher, students: 3, allowed: "other", refused: refused},
		{name: "a person who allows it", by: teacher, students: 3, allowed: "its-own"},
		{name: "a person, of an empty class", by: teacher},
		{name: "Flux, as the course's account", by: account("prog1", "roster"), students: 3},
		{name: "Flux, as itself", by: account("flux-system", "kustomize-controller"), students: 3},
		{name: "the removal of the namespace", by: account("kube-system", "namespace-controller"), students: 3},
		{name: "the removal of the namespace, where all controllers are one user", by: rest.ImpersonationConfig{UserName: "system:kube-controller-manager", Groups: []string{"system:masters"}}, students: 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			name := fmt.Sprintf("leaving-%d", i)
			makeNamespace(t, admin, name)
			c := &v1alpha1.Course{}
			c.Namespace, c.Name = name, name
			switch test.allowed {
			case "":
			case "its-own":
				c.Annotations = map[string]string{v1alpha1.AllowDeletionAnnotation: name}
			default:
				c.Annotations = map[string]string{v1alpha1.AllowDeletionAnnotation: test.allowed}
			}
			if err := admin.Create(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			counted := fmt.Sprintf(`{"status": {"userlands": {"total": %d, "ready": 0}}}`, test.students)
			if err := as(t, "carrel-system", "carrel-controller", "system:masters").Status().Patch(t.Context(), c, client.RawPatch(types.MergePatchType, []byte(counted))); err != nil {
				t.Fatal(err)
			}
			config := apiserver.Config()
			config.Impersonate = test.by
			by, err := client.New(config, client.Options{Scheme: apiserver.Scheme()})
			if err != nil {
				t.Fatal(err)
			}
			check(t, test.refused, func(ctx context.Context) error { return by.Delete(ctx, c.DeepCopy(), client.DryRunAll) })
			if test.refused == nil {
				check(t, nil, func(ctx context.Context) error { return client.IgnoreNotFound(by.Delete(ctx, c.DeepCopy())) })
			}
		})
	}
}
