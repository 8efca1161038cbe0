package manifests

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// The accounts of programs and people that are not part of Carrel.
var (
	proxy     = types.NamespacedName{Namespace: "proxies", Name: "proxy"}
	assistant = types.NamespacedName{Namespace: "prog1", Name: "assistant"}
	// patcher has the right to patch a status, but neither of Carrel's verbs.
	patcher = types.NamespacedName{Namespace: "prog1", Name: "patcher"}
)

// others binds the roles that Carrel offers to accounts that use them.
func others(t *testing.T) {
	t.Helper()
	local(t)
	apply(t, apiserver.Client(t), []*unstructured.Unstructured{
		object(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: proxy}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: carrel-proxy}, subjects: [{kind: ServiceAccount, name: proxy, namespace: proxies}]}"),
		object(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: staff, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: carrel-staff}, subjects: [{kind: ServiceAccount, name: assistant, namespace: prog1}]}"),
		object(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: patcher, namespace: prog1}, rules: [{apiGroups: [carrel.dev], resources: [courses/status, userlands/status], verbs: [patch, update]}]}"),
		object(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: patcher, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: patcher}, subjects: [{kind: ServiceAccount, name: patcher, namespace: prog1}]}"),
	})
}

// way is a way of writing the status of the object that written returns, as a field
// owner.
type way func(ctx context.Context, c client.Client, written func(status string) string, status, owner string) error

func byApply(ctx context.Context, c client.Client, written func(string) string, status, owner string) error {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(written(status))); err != nil {
		return err
	}
	return c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner(owner), client.ForceOwnership)
}

func byPatch(ctx context.Context, c client.Client, written func(string) string, status, owner string) error {
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(written("{}"))); err != nil {
		return err
	}
	return c.Status().Patch(ctx, o, client.RawPatch(types.MergePatchType, []byte(`{"status":`+status+`}`)), client.FieldOwner(owner))
}

func written(status string) string {
	return `{"apiVersion":"carrel.dev/v1alpha1","kind":"Userland","metadata":{"name":"written","namespace":"prog1"},"status":` + status + `}`
}

// TestUserlandStatusPolicy checks who may write which fields of a Userland's
// status. The steps depend on each other.
func TestUserlandStatusPolicy(t *testing.T) {
	others(t)
	admin := types.NamespacedName{}
	apply(t, apiserver.Client(t), []*unstructured.Unstructured{object(t, "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: written, namespace: prog1}}")})
	now := time.Now().UTC().Truncate(time.Second)
	seen := func(ago time.Duration) string {
		return `{"lastActivityTime":"` + now.Add(-ago).Format(time.RFC3339) + `"}`
	}
	const (
		stop    = `{"requests":{"stopAt":"2026-10-01T10:00:00Z"}}`
		restart = `{"requests":{"restartAt":"2026-10-01T11:00:00Z"}}`
	)
	// The policy must be effective before the first step, because a step changes
	// the object.
	check(t, []string{"userland-status.carrel.dev"}, func(ctx context.Context) error {
		return toSetStatus(ctx, apiserver.Client(t), object(t, written(`{"state":"Running"}`)))
	})
	may := []string(nil)
	for _, step := range []struct {
		name    string
		account types.NamespacedName
		way     way
		status  string
		refused []string
	}{
		{"the controller writes the state", controller, byApply, `{"state":"Asleep","address":"http://written","handled":{"stopAt":"2026-10-01T09:00:00Z"}}`, may},
		{"the controller writes no activity", controller, byPatch, seen(0), []string{"'system:serviceaccount:carrel-system:carrel-controller' may not write status.lastActivityTime"}},
		{"the controller writes no requests", controller, byPatch, stop, []string{"carrel-controller' may not write status.requests"}},

		{"a proxy reports activity", proxy, byApply, seen(time.Hour), may},
		{"a proxy applies nothing any more", proxy, byApply, `{}`, []string{"never goes backwards", "leaves it out"}},
		{"a proxy reports later activity by a patch", proxy, byPatch, seen(30 * time.Minute), may},
		{"a proxy reports the same again", proxy, byApply, seen(30 * time.Minute), may},
		{"a proxy reports earlier activity", proxy, byApply, seen(31 * time.Minute), []string{
			"status.lastActivityTime never goes backwards", "this write says " + now.Add(-31*time.Minute).Format(time.RFC3339), "only when it is later"}},
		{"a proxy takes activity back", proxy, byPatch, `{"lastActivityTime":null}`, []string{"never goes backwards", "this write leaves it out", "a field owner that writes nothing else"}},
		{"a proxy whose clock is an hour ahead", proxy, byApply, seen(-time.Hour), []string{"more than 5 minutes from now", "set the clock"}},
		{"the same by a patch", proxy, byPatch, seen(-time.Hour), []string{"more than 5 minutes from now"}},
		{"a proxy whose clock is a little ahead", proxy, byPatch, seen(-time.Minute), may},
		{"a proxy in another time zone", proxy, byApply, `{"lastActivityTime":"` + now.Add(2*time.Minute).In(time.FixedZone("", 9*3600)).Format(time.RFC3339) + `"}`, may},
		{"a proxy asks for a stop", proxy, byPatch, stop, []string{"may not write status.requests", "carrel-staff"}},
		{"a proxy writes the state", proxy, byPatch, `{"state":"Running"}`, []string{"only the controller writes status.state", "lastActivityTime or status.requests"}},
		{"a proxy writes all at once", proxy, byPatch, `{"state":"Running","address":null}`, []string{"only the controller writes status.state, status.address"}},
		{"a proxy says what was handled", proxy, byPatch, `{"handled":{"stopAt":null}}`, []string{"only the controller writes status.handled"}},

		{"the controller takes activity back", controller, byPatch, `{"lastActivityTime":null}`, []string{"may not write status.lastActivityTime"}},
		{"the controller reports earlier activity", controller, byPatch, seen(time.Hour), []string{"may not write status.lastActivityTime"}},

		{"an assistant asks for a stop", assistant, byApply, stop, may},
		{"the controller takes the request back", controller, byPatch, `{"state":"Asleep","requests":null}`, []string{"carrel-controller' may not write status.requests"}},
		{"the controller asks for something else", controller, byPatch, restart, []string{"carrel-controller' may not write status.requests"}},
		{"the controller writes beside activity and requests", controller, byPatch, `{"address":"http://written"}`, may},
		{"an assistant asks for something else", assistant, byPatch, restart, may},
		{"an assistant takes it back", assistant, byPatch, `{"requests":null}`, may},
		{"an assistant reports activity", assistant, byApply, seen(-3 * time.Minute), []string{"'system:serviceaccount:prog1:assistant' may not write status.lastActivityTime", "'wake'", "bind the ClusterRole carrel-proxy"}},
		{"an assistant writes conditions", assistant, byPatch, `{"conditions":[]}`, []string{"only the controller writes status.conditions"}},

		{"one who may patch reports activity", patcher, byApply, seen(-3 * time.Minute), []string{"takes the verb 'wake'"}},
		{"one who may patch asks for a stop", patcher, byApply, stop, []string{"takes the verb 'request'", "bind the ClusterRole carrel-staff in the course"}},
		{"one who may patch changes nothing", patcher, byPatch, `{"state":"Asleep"}`, may},

		{"an administrator reports activity", admin, byPatch, seen(-4 * time.Minute), may},
		{"an administrator asks for a restart", admin, byPatch, restart, may},
		{"an administrator writes the state", admin, byPatch, `{"state":"Running"}`, []string{"only the controller writes status.state"}},

		{"the controller writes over it all", controller, byApply, `{"state":"Running","address":"http://written"}`, may},
	} {
		t.Run(step.name, func(t *testing.T) {
			c, owner := apiserver.Client(t), "administrator"
			if step.account != admin {
				c, owner = as(t, step.account.Namespace, step.account.Name), step.account.Name
			}
			check(t, step.refused, func(ctx context.Context) error { return step.way(ctx, c, written, step.status, owner) })
		})
	}

	got := &unstructured.Unstructured{}
	if err := got.UnmarshalJSON([]byte(written("{}"))); err != nil {
		t.Fatal(err)
	}
	if err := apiserver.Client(t).Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"state": "Running", "lastActivityTime": now.Add(4 * time.Minute).Format(time.RFC3339)} {
		if value, _, _ := unstructured.NestedString(got.Object, "status", field); value != want {
			t.Errorf("status.%s is %q in the end, want %q", field, value, want)
		}
	}
	if _, handled, _ := unstructured.NestedMap(got.Object, "status", "handled"); handled {
		t.Error("the controller left out status.handled, and it is there")
	}
}
