package operator_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// account is whom the controllers act as in these tests: the account they have
// in a cluster, with the rights `make generate` wrote down for it and no others.
const account = "system:serviceaccount:carrel-system:carrel-controller"

var grantOnce sync.Once

// grant gives the account the generated rights.
func grant(t *testing.T, c client.Client) {
	t.Helper()
	grantOnce.Do(func() {
		data, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "controller", "role.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		role := &rbacv1.ClusterRole{}
		if err := yaml.UnmarshalStrict(data, role); err != nil {
			t.Fatal(err)
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: role.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
		}
		for _, o := range []client.Object{role, binding} {
			if err := c.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
	})
}
