// Package board tests what the class board asks of carrels on a real API server,
// on which the policies count.
package board

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/board"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

const (
	course  = gatewaytest.CourseName
	gateway = "system:serviceaccount:carrel-system:carrel-gateway"
	staff   = "system:serviceaccount:prog1:assistant"
	other   = "system:serviceaccount:prog1:other"
)

// rights are what the gateway's account has here, in the course; other may
// write statuses and has no verb.
const rights = `
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: gateway, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: carrel-staff}, subjects: [{kind: ServiceAccount, name: carrel-gateway, namespace: carrel-system}, {kind: ServiceAccount, name: assistant, namespace: prog1}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: wake, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: carrel-proxy}, subjects: [{kind: ServiceAccount, name: carrel-gateway, namespace: carrel-system}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: patcher, namespace: prog1}, rules: [{apiGroups: [carrel.dev], resources: [userlands/status], verbs: [patch, update]}]}
---
{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: patcher, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: patcher}, subjects: [{kind: ServiceAccount, name: other, namespace: prog1}]}
`

// install installs roles and policies, the course, and rights.
func install(t *testing.T) {
	t.Helper()
	repository, err := flux.Copy(t.TempDir(), apiserver.Root(), "kustomize")
	if err != nil {
		t.Fatal(err)
	}
	c := apiserver.Client(t)
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: course}}); err != nil {
		t.Fatal(err)
	}
	var objects []*unstructured.Unstructured
	for _, path := range []string{"kustomize/access", "kustomize/policy"} {
		built, err := repository.Build(path)
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, built...)
	}
	for _, text := range strings.Split(rights, "---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(text), &object.Object); err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	for _, object := range objects {
		if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatalf("apply %s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
}

// as is the client of an account.
func as(t *testing.T, account string) client.Client {
	t.Helper()
	config := apiserver.Config()
	config.Impersonate.UserName = account
	c, err := client.New(config, client.Options{Scheme: apiserver.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func userlandIn(t *testing.T, namespace, name string) *v1alpha1.Userland {
	t.Helper()
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}}
	if err := apiserver.Client(t).Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func read(t *testing.T, u *v1alpha1.Userland) v1alpha1.UserlandStatus {
	t.Helper()
	got := &v1alpha1.Userland{}
	if err := apiserver.Client(t).Get(t.Context(), client.ObjectKeyFromObject(u), got); err != nil {
		t.Fatal(err)
	}
	return got.Status
}

// soon tries what is refused until roles and policies just made count.
func soon(t *testing.T, do func() error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) {
		last = do()
		return last == nil, nil
	})
	if err != nil {
		t.Fatal(last)
	}
}

func TestRequests(t *testing.T) {
	install(t)
	u := userlandIn(t, course, "24t0101")
	requests := board.Requests{Client: as(t, gateway)}
	at := time.Date(2027, 4, 12, 1, 5, 0, 0, time.UTC)
	soon(t, func() error { return requests.Ask(t.Context(), u, board.KeepUntil, at.Add(time.Hour)) })

	t.Run("requests, activity and other hands leave each other alone", func(t *testing.T) { together(t, u, requests, at) })
	t.Run("what another hand asked for is taken back too", func(t *testing.T) { takenBack(t, u, requests) })
	t.Run("one who has not the verb", func(t *testing.T) { refused(t, u, at) })
	t.Run("from the page to the API server", func(t *testing.T) { throughThePage(t, u, requests) })
}

func together(t *testing.T, u *v1alpha1.Userland, requests board.Requests, at time.Time) {
	seen := metav1.NewTime(time.Now().Truncate(time.Second))
	activity := applyv1alpha1.Userland(u.Name, u.Namespace).WithStatus(applyv1alpha1.UserlandStatus().WithLastActivityTime(seen))
	if err := as(t, gateway).Status().Apply(t.Context(), activity, client.FieldOwner("carrel-gateway"), client.ForceOwnership); err != nil {
		t.Fatal(err)
	}
	for _, asked := range []board.Request{board.RestartAt, board.StopAt, board.ResetAt, board.HelpSince} {
		if err := requests.Ask(t.Context(), u, asked, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := (board.Requests{Client: as(t, staff)}).Ask(t.Context(), u, board.HelpSince, time.Time{}); err != nil {
		t.Fatal(err)
	}
	got := read(t, u)
	q := got.Requests
	if q == nil || !q.KeepUntil.Equal(&metav1.Time{Time: at.Add(time.Hour)}) || q.HelpSince != nil || !got.LastActivityTime.Equal(&seen) {
		t.Fatalf("%+v, seen %v", q, got.LastActivityTime)
	}
	for _, value := range []*metav1.Time{q.RestartAt, q.StopAt, q.ResetAt} {
		if !value.Equal(&metav1.Time{Time: at}) {
			t.Errorf("%+v: each is to be %v", q, at)
		}
	}
}

func takenBack(t *testing.T, u *v1alpha1.Userland, requests board.Requests) {
	patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{"requests":{"helpSince":"2027-04-12T01:00:00Z"}}}`))
	if err := as(t, staff).Status().Patch(t.Context(), u.DeepCopy(), patch, client.FieldOwner("kubectl-patch")); err != nil {
		t.Fatal(err)
	}
	if err := requests.Ask(t.Context(), u, board.HelpSince, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if q := read(t, u).Requests; q.HelpSince != nil || q.RestartAt == nil {
		t.Errorf("%+v: want the hand down, and all else as it was", q)
	}
}

func refused(t *testing.T, u *v1alpha1.Userland, at time.Time) {
	soon(t, func() error {
		at = at.Add(time.Second) // what changes nothing is not refused
		err := (board.Requests{Client: as(t, other)}).Ask(t.Context(), u, board.HelpSince, at)
		if apierrors.IsForbidden(err) && strings.Contains(err.Error(), "may not write status.requests") {
			return nil
		}
		return errNot{err}
	})
}

type errNot struct{ err error }

func (e errNot) Error() string { return "it is not refused by the policy: " + errText(e.err) }

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}

func throughThePage(t *testing.T, u *v1alpha1.Userland, requests board.Requests) {
	d := gatewaytest.NewCluster()
	d.Review = func(asked authorizationv1.SubjectAccessReviewSpec) (bool, error) { return asked.User == "teacher", nil }
	d.Put(&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: course, Namespace: course}})
	d.Set(u, "")
	b := &board.Board{
		Directory: d.Index, Access: access.New(d.Client, access.Options{}), Requests: requests, Audit: audit.Log{Client: apiserver.Client(t)},
		CarrelURL: func(string, string) string { return "/" },
	}
	post := func(user, action string, more url.Values) int {
		r := httptest.NewRequest(http.MethodGet, "https://desk.example/courses/prog1/carrels/24t0101", nil)
		r = r.WithContext(auth.NewContext(r.Context(), auth.Identity{User: user}))
		page := httptest.NewRecorder()
		b.Handler().ServeHTTP(page, r)
		var cookie *http.Cookie
		for _, c := range page.Result().Cookies() {
			cookie = c
		}
		if cookie == nil {
			return page.Code
		}
		fields := url.Values{"token": {cookie.Value}}
		for name, values := range more {
			fields[name] = values
		}
		form := httptest.NewRequest(http.MethodPost, r.URL.String()+"/"+action, strings.NewReader(fields.Encode()))
		form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form.Header.Set("Origin", "https://desk.example")
		form.AddCookie(cookie)
		answer := httptest.NewRecorder()
		b.Handler().ServeHTTP(answer, form.WithContext(r.Context()))
		return answer.Code
	}
	for _, step := range []struct {
		user, action string
		more         url.Values
		status       int
	}{
		{u.User(), "raise", nil, 303},
		{u.User(), "restart", nil, 303},
		{u.User(), "reset", url.Values{"confirm": {"24t0101"}}, 403},
		{"24T9999@example.ac.jp", "restart", nil, 403},
		{"24T9999@example.ac.jp", "raise", nil, 403},
		{"teacher", "reset", url.Values{"confirm": {"24t0101"}}, 303},
		{"teacher", "reset", url.Values{"confirm": {"24t0102"}}, 422},
	} {
		before := read(t, u).Requests.DeepCopy()
		if got := post(step.user, step.action, step.more); got != step.status {
			t.Errorf("%s by %s: %d, want %d", step.action, step.user, got, step.status)
		}
		after := read(t, u).Requests
		changed := !before.HelpSince.Equal(after.HelpSince) || !before.ResetAt.Equal(after.ResetAt) || !before.RestartAt.Equal(after.RestartAt)
		if changed != (step.status == 303) {
			t.Errorf("%s by %s: requests changed: %v", step.action, step.user, changed)
		}
	}
}
