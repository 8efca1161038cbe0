package manifests

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// writtenCourse returns a Course with a status, in a namespace of its own.
func writtenCourse(status string) string {
	return `{"apiVersion":"carrel.dev/v1alpha1","kind":"Course","metadata":{"name":"written","namespace":"written"},"status":` + status + `}`
}

// TestCourseStatusPolicy checks who may write which fields of a Course's status. The
// steps depend on each other.
func TestCourseStatusPolicy(t *testing.T) {
	others(t)
	admin, cluster := types.NamespacedName{}, apiserver.Client(t)
	makeNamespace(t, cluster, "written")
	bind := func(role, kind string, account types.NamespacedName) *unstructured.Unstructured {
		return object(t, fmt.Sprintf("{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: %s, namespace: written}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: %s, name: %s}, subjects: [{kind: ServiceAccount, name: %s, namespace: %s}]}",
			account.Name, kind, role, account.Name, account.Namespace))
	}
	apply(t, cluster, []*unstructured.Unstructured{
		object(t, "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: written, namespace: written}}"),
		object(t, "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: patcher, namespace: written}, rules: [{apiGroups: [carrel.dev], resources: [courses/status], verbs: [patch, update]}]}"),
		bind("carrel-staff", "ClusterRole", assistant), bind("patcher", "Role", patcher),
	})
	now := time.Now().UTC().Truncate(time.Second)
	keep := func(claim, until string, ago time.Duration) string {
		return fmt.Sprintf(`{"requests":{"volumes":[{"claim":%q,"at":%q,"keepUntil":%q}]}}`, claim, now.Add(-ago).Format(time.RFC3339), until)
	}
	condition := func(kind string) string {
		return fmt.Sprintf(`{"type":%q,"status":"True","reason":"Test","message":"","lastTransitionTime":%q}`, kind, now.Format(time.RFC3339))
	}
	conditions := func(kinds ...string) string {
		text := ""
		for i, kind := range kinds {
			text += map[bool]string{true: ","}[i > 0] + condition(kind)
		}
		return `"conditions":[` + text + `]`
	}
	isolation := fmt.Sprintf(`"isolation":{"attempts":1,"time":%q,"retryTime":%q}`, now.Format(time.RFC3339), now.Format(time.RFC3339))
	report := fmt.Sprintf(`"report":{"revision":"da3eb18","state":"success","description":"2 of 2 ready","time":%q}`, now.Format(time.RFC3339))

	// The policy must be effective before the first step, because a step changes the
	// object.
	check(t, []string{"course-status.carrel.dev"}, func(ctx context.Context) error {
		return toSetStatus(ctx, cluster, object(t, writtenCourse(`{"observedGeneration":7}`)))
	})
	may := []string(nil)
	for _, step := range []struct {
		name    string
		account types.NamespacedName
		way     way
		status  string
		refused []string
	}{
		{"the controller writes its fields", controller, byApply, `{"observedGeneration":1,"volumes":{"kept":2},` + conditions("Ready", "RosterValid", "WorkExpiring") + `}`, may},
		{"the controller writes a report", controller, byPatch, `{` + report + `}`, []string{"only the reporter writes status.report"}},
		{"the controller writes that it was reported", controller, byPatch, `{` + conditions("Ready", "RosterValid", "WorkExpiring", "Reported") + `}`, []string{"the conditions Reported and OutOfSync"}},
		{"the controller writes requests", controller, byPatch, keep("a", "Forever", 0), []string{"carrel-controller' may not write status.requests"}},

		{"the reporter reports", reporter, byApply, `{` + report + `,` + conditions("Reported") + `}`, may},
		{"the reporter writes another condition", reporter, byApply, `{` + report + `,` + conditions("Reported", "Held") + `}`, []string{"only the controller writes the condition Held"}},
		{"the reporter writes counts", reporter, byPatch, `{"volumes":{"kept":3}}`, []string{"only the controller writes status.volumes"}},
		{"the reporter writes requests", reporter, byPatch, keep("a", "Forever", 0), []string{"may not write status.requests"}},
		{"the controller says that the course is isolated", controller, byPatch, `{` + conditions("Ready", "RosterValid", "WorkExpiring", "Reported", "Isolated") + `}`, []string{"only the errand process writes status.isolation and the condition Isolated"}},
		{"the reporter says so", reporter, byApply, `{` + report + `,` + conditions("Reported", "Isolated") + `}`, []string{"only the errand process writes"}},
		{"the errand process says so", errand, byApply, `{` + isolation + `,` + conditions("Isolated") + `}`, may},
		{"the errand process writes another condition", errand, byApply, `{` + isolation + `,` + conditions("Isolated", "Held") + `}`, []string{"only the controller writes the condition Held"}},
		{"the errand process writes what was reported", errand, byApply, `{` + isolation + `,` + conditions("Isolated", "OutOfSync") + `}`, []string{"only the reporter writes"}},
		{"the errand process writes counts", errand, byPatch, `{"volumes":{"kept":3}}`, []string{"only the controller writes status.volumes"}},
		{"the errand process writes requests", errand, byPatch, keep("a", "Forever", 0), []string{"may not write status.requests"}},
		{"the controller writes again, in another order", controller, byApply, `{"observedGeneration":1,"volumes":{"kept":1},` + conditions("WorkExpiring", "Ready") + `}`, may},

		{"an assistant keeps a volume", assistant, byPatch, keep("a", "20270331T000000Z", time.Minute), may},
		{"an assistant changes their mind", assistant, byPatch, keep("a", "Forever", 0), may},
		{"an assistant whose clock is an hour ahead", assistant, byPatch, keep("b", "Forever", -time.Hour), []string{"more than 5 minutes from now", "set the clock"}},
		{"an assistant takes it back", assistant, byPatch, `{"requests":null}`, may},
		{"an assistant writes counts", assistant, byPatch, `{"volumes":null}`, []string{"only the controller writes status.volumes", "write status.requests"}},
		{"an assistant writes conditions", assistant, byPatch, `{"conditions":null}`, []string{"only the controller writes the condition", "Ready"}},
		{"an assistant says what was reported", assistant, byPatch, `{"report":null}`, []string{"only the reporter writes status.report", "'system:serviceaccount:prog1:assistant' is not its account"}},

		{"the gateway keeps a volume", gateway, byPatch, keep("a", "Forever", time.Minute), may},
		{"the gateway writes counts", gateway, byPatch, `{"volumes":{"kept":3}}`, []string{"only the controller writes status.volumes"}},

		{"one who may patch keeps a volume", patcher, byPatch, keep("a", "Forever", 0), []string{"takes the verb 'request'", "bind the ClusterRole carrel-staff in the course"}},
		{"one who may patch changes nothing", patcher, byPatch, `{"volumes":{"kept":1}}`, may},

		{"an administrator lets a volume go", admin, byPatch, keep("a", now.Format("20060102T150405Z"), 0), may},
		{"an administrator writes counts", admin, byPatch, `{"observedGeneration":5}`, []string{"only the controller writes status.observedGeneration"}},
		{"an administrator says when the canary was there", admin, byPatch, `{"isolation":null}`, []string{"only the errand process writes status.isolation"}},
		{"an administrator says what was reported", admin, byPatch, `{` + conditions("WorkExpiring", "Ready") + `}`, []string{"only the reporter writes"}},
	} {
		t.Run(step.name, func(t *testing.T) {
			c, owner := cluster, "administrator"
			if step.account != admin {
				c, owner = as(t, step.account.Namespace, step.account.Name), step.account.Name
			}
			check(t, step.refused, func(ctx context.Context) error {
				return step.way(ctx, c, writtenCourse, step.status, owner)
			})
		})
	}

	got := object(t, writtenCourse("{}"))
	if err := cluster.Get(t.Context(), client.ObjectKeyFromObject(got), got); err != nil {
		t.Fatal(err)
	}
	if requests, _, _ := unstructured.NestedSlice(got.Object, "status", "requests", "volumes"); len(requests) != 1 {
		t.Errorf("the requests are %v in the end, want one", requests)
	}
	if _, tried, _ := unstructured.NestedMap(got.Object, "status", "isolation"); !tried {
		t.Error("the time of the canary is gone")
	}
	if _, reported, _ := unstructured.NestedMap(got.Object, "status", "report"); !reported {
		t.Error("the report is gone")
	}
}
