package access_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

var prefixes = access.Options{UserPrefix: "carrel:", GroupPrefix: "carrel-group:"}

// bind binds the shipped ClusterRole carrel-staff in a namespace.
func bind(t *testing.T, c client.Client, namespace string, subject rbacv1.Subject) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "access", "staff.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(text, role); err != nil {
		t.Fatal(err)
	}
	if err := client.IgnoreAlreadyExists(c.Create(t.Context(), role)); err != nil {
		t.Fatal(err)
	}
	subject.APIGroup = rbacv1.GroupName
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, GenerateName: "staff-"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{subject},
	}
	if err := c.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until the API server's authorizer, which watches bindings, grants a right.
func eventually(t *testing.T, c client.Client, namespace string, id auth.Identity) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		d, err := access.New(c, prefixes).MayOpen(t.Context(), id, namespace, "alice", "alice")
		if err == nil && d.Allowed {
			return
		}
	}
	t.Fatalf("%s never came to be let in", id.User)
}

func TestWhoMay(t *testing.T) {
	c := apiserver.Client(t)
	here, elsewhere := apiserver.Namespace(t, c), apiserver.Namespace(t, c)
	bind(t, c, here, rbacv1.Subject{Kind: "User", Name: "carrel:tanaka"})
	bind(t, c, here, rbacv1.Subject{Kind: "Group", Name: "carrel-group:assistants"})
	tanaka := auth.Identity{User: "tanaka"}
	assistant := auth.Identity{User: "sato", Groups: []string{"others", "assistants"}}
	eventually(t, c, here, tanaka)
	eventually(t, c, here, assistant)

	for _, tt := range []struct {
		reason    string
		who       auth.Identity
		course    string
		open      access.Permission
		view      bool
		wantError bool
	}{
		{reason: "students open their own and see no board", who: auth.Identity{User: "alice"}, course: here, open: access.Permission{Allowed: true}},
		{reason: "students don't open another's", who: auth.Identity{User: "bob"}, course: here},
		{reason: "a name that differs by case is another's", who: auth.Identity{User: "Alice"}, course: here},
		{reason: "staff named by RBAC open it, as staff", who: tanaka, course: here, open: access.Permission{Allowed: true, Staff: true}, view: true},
		{reason: "staff by group do too", who: assistant, course: here, open: access.Permission{Allowed: true, Staff: true}, view: true},
		{reason: "staff of one course are nobody in another", who: tanaka, course: elsewhere},
		{reason: "the name without the prefix is nobody", who: auth.Identity{User: "carrel:tanaka"}, course: here},
		{reason: "Kubernetes' own users are refused", who: auth.Identity{User: "system:admin"}, course: here, wantError: true},
		{reason: "in any case", who: auth.Identity{User: "System:admin"}, course: here, wantError: true},
		{reason: "nor its administrators", who: auth.Identity{User: "kubernetes-admin"}, course: here, wantError: true},
		{reason: "groups of kubeadm are left out", who: auth.Identity{User: "eve", Groups: []string{"kubeadm:cluster-admins", "Kubeadm:x"}}, course: here},
		{reason: "Kubernetes' own groups are left out", who: auth.Identity{User: "eve", Groups: []string{"system:masters"}}, course: here},
		{reason: "nobody is nobody", who: auth.Identity{}, course: here, wantError: true},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			a := access.New(c, prefixes)
			got, err := a.MayOpen(t.Context(), tt.who, tt.course, "alice", "alice")
			got.Reason = ""
			if got != tt.open || (err != nil) != tt.wantError {
				t.Errorf("MayOpen is %+v, %v; want %+v, error %t", got, err, tt.open, tt.wantError)
			}
			for verb, may := range map[string]func(context.Context, auth.Identity, string) (bool, error){"view": a.MayViewBoard, "operate": a.MayOperate} {
				if got, err := may(t.Context(), tt.who, tt.course); got != tt.view || (err != nil) != tt.wantError {
					t.Errorf("%s is %t, %v; want %t, error %t", verb, got, err, tt.view, tt.wantError)
				}
			}
		})
	}
}

func TestNamesWithoutPrefixStayOutOfKubernetesOwn(t *testing.T) {
	c := apiserver.Client(t)
	ns := apiserver.Namespace(t, c)
	// These prefixes would turn "admin" and "masters" into names of Kubernetes itself.
	a := access.New(c, access.Options{UserPrefix: "system:", GroupPrefix: "system:"})
	if d, err := a.MayOpen(t.Context(), auth.Identity{User: "admin"}, ns, "alice", "alice"); err == nil || d.Allowed {
		t.Errorf("a prefix made of somebody %+v, %v; want an error", d, err)
	}
	a = access.New(c, access.Options{GroupPrefix: "sys"})
	if d, err := a.MayOpen(t.Context(), auth.Identity{User: "eve", Groups: []string{"tem:masters"}}, ns, "alice", "alice"); err != nil || d.Allowed {
		t.Errorf("a prefix made a group of Kubernetes' own of somebody's: %+v, %v", d, err)
	}
}

// Whatever groups a provider gives, Kubernetes' own never reach a review.
func TestReviewsNameNoGroupOfKubernetes(t *testing.T) {
	var asked authorizationv1.SubjectAccessReviewSpec
	c := interceptor.NewClient(fake.NewClientBuilder().Build(), interceptor.Funcs{Create: func(_ context.Context, _ client.WithWatch, o client.Object, _ ...client.CreateOption) error {
		asked = o.(*authorizationv1.SubjectAccessReview).Spec
		return nil
	}})
	id := auth.Identity{User: "eve", Groups: []string{"system:masters", "System:x", "kubeadm:cluster-admins", "kubernetes-admin", "", "lab"}}
	if _, err := access.New(c, access.Options{}).MayViewBoard(t.Context(), id, "prog1"); err != nil {
		t.Fatal(err)
	}
	if len(asked.Groups) != 1 || asked.Groups[0] != "lab" {
		t.Errorf("the API server was asked about the groups %q, want lab alone", asked.Groups)
	}
}

// counting returns a client that counts the reviews sent to the API server.
func counting(t *testing.T, count *atomic.Int32, fail error) client.Client {
	t.Helper()
	c, err := client.NewWithWatch(apiserver.Config(), client.Options{Scheme: apiserver.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return interceptor.NewClient(c, interceptor.Funcs{Create: func(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
		if _, ok := o.(*authorizationv1.SubjectAccessReview); ok {
			count.Add(1)
			if fail != nil {
				return fail
			}
		}
		return c.Create(ctx, o, options...)
	}})
}

func TestAnswersAreKeptForSeconds(t *testing.T) {
	apiserver.SkipIfShort(t)
	var asked atomic.Int32
	now := clocktesting.NewFakeClock(time.Now())
	a := access.New(counting(t, &asked, nil), access.Options{Clock: now, For: 10 * time.Second})
	ask := func(id auth.Identity, course string) {
		t.Helper()
		if _, err := a.MayViewBoard(t.Context(), id, course); err != nil {
			t.Fatal(err)
		}
	}
	eve := auth.Identity{User: "eve", Groups: []string{"a", "b"}}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { ask(eve, "one") })
	}
	all.Wait()
	ask(auth.Identity{User: "eve", Groups: []string{"b", "a"}}, "one")
	if got := asked.Load(); got != 1 {
		t.Errorf("the same question was asked %d times, want once", got)
	}
	ask(eve, "two")
	ask(auth.Identity{User: "eve", Groups: []string{"a"}}, "one")
	ask(auth.Identity{User: "mallory", Groups: []string{"a", "b"}}, "one")
	if got := asked.Load(); got != 4 {
		t.Errorf("another course, other groups and another user make %d questions, want 4", got)
	}
	now.Step(11 * time.Second)
	ask(eve, "one")
	if got := asked.Load(); got != 5 {
		t.Errorf("after its time an answer is asked for anew: %d questions, want 5", got)
	}
}

func TestWithoutAnAnswerNobodyMay(t *testing.T) {
	var asked atomic.Int32
	a := access.New(counting(t, &asked, context.DeadlineExceeded), prefixes)
	for range 2 {
		d, err := a.MayOpen(t.Context(), auth.Identity{User: "eve"}, "prog1", "alice", "alice")
		if err == nil || d.Allowed || !strings.Contains(err.Error(), "open userlands prog1/alice") {
			t.Errorf("MayOpen is %+v, %v; want an error that names what was asked", d, err)
		}
	}
	if got := asked.Load(); got != 2 {
		t.Errorf("a failure was asked about %d times, want each time", got)
	}
}
