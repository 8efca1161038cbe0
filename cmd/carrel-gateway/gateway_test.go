package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/logouts"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	apiserver.Main(m)
}

// account is the account of the gateway. It has the rights that `make generate` wrote, and
// no others.
const account = "system:serviceaccount:carrel-system:carrel-gateway"

const secret = "a secret of the proxy in front"

// running is a running gateway, with an administrator's client for its cluster.
type running struct {
	t      *testing.T
	admin  client.Client
	course string
	*gateway
	stop    context.CancelFunc
	stopped chan error
}

func start(t *testing.T, changes ...func(*options)) *running {
	t.Helper()
	admin := apiserver.Client(t)
	w := &running{t: t, admin: admin, course: apiserver.Namespace(t, admin), stopped: make(chan error, 1)}
	w.create(
		&v1alpha1.Course{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: w.course},
			Spec: v1alpha1.CourseSpec{
				Title: "Programming 1", Enrolment: v1alpha1.EnrolmentOpen,
				EnrolmentRules: []v1alpha1.EnrolmentRule{{Claim: "groups", Values: []string{"students"}}},
			},
		},
		&v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "hana"}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "staff"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "staff"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "campus:teacher"}},
		},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "staff"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"carrel.dev"}, Resources: []string{"userlands"}, Verbs: []string{"open"}},
			{APIGroups: []string{"carrel.dev"}, Resources: []string{"courses"}, Verbs: []string{"view"}},
		}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "open-enrolment"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"carrel.dev"}, Resources: []string{"userlands"}, Verbs: []string{"create"}},
		}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "open-enrolment"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "open-enrolment"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
		},
	)
	w.grant()
	server := apiserver.Config()
	server.Impersonate = rest.ImpersonationConfig{UserName: account}
	ctx, stop := context.WithCancel(t.Context())
	registry := prometheus.NewRegistry()
	var err error
	o := options{
		deskURL: "https://desk.example.org", domain: "carrels-example.org", loginFile: w.login(), userPrefix: "campus:",
		listen: "127.0.0.1:0", metricsAddress: off, healthAddress: "127.0.0.1:0", drainFor: time.Minute,
	}
	for _, change := range changes {
		change(&o)
	}
	w.gateway, err = newGateway(ctx, server, registry, o)
	if err != nil {
		t.Fatal(err)
	}
	w.stop = stop
	go func() { w.stopped <- w.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-w.stopped; err != nil {
			t.Errorf("it ended by %v", err)
		}
	})
	w.until("the gateway is ready", func() bool { return w.probe() == http.StatusOK })
	return w
}

func (w *running) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		if err := w.admin.Create(w.t.Context(), o); err != nil {
			w.t.Fatal(err)
		}
	}
}

// grant binds the generated ClusterRole to the account, and the Role for the ConfigMap of
// ended logins, which it creates.
func (w *running) grant() {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(apiserver.Root(), "kustomize", "gateway", "role.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	text := strings.TrimPrefix(string(data), "---\n")
	ofCluster, ofNamespace, both := strings.Cut(text, "---\n")
	role, named := &rbacv1.ClusterRole{}, &rbacv1.Role{}
	if err := errors.Join(yaml.UnmarshalStrict([]byte(ofCluster), role), yaml.UnmarshalStrict([]byte(ofNamespace), named)); err != nil || !both {
		w.t.Fatal(err)
	}
	role.Name = w.course
	for _, o := range []client.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: logouts.Namespace}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: logouts.Namespace, Name: logouts.Name}},
		named,
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: logouts.Namespace, Name: named.Name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: named.Name},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
		},
	} {
		if err := client.IgnoreAlreadyExists(w.admin.Create(w.t.Context(), o)); err != nil {
			w.t.Fatal(err)
		}
	}
	w.create(role, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: w.course},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.course},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: account}},
	})
}

// login writes a login file that trusts a proxy in front, and returns its path.
func (w *running) login() string {
	w.t.Helper()
	dir := w.t.TempDir()
	for name, text := range map[string]string{
		"key": strings.Repeat("k", 64), "secret": secret,
		"login.yaml": fmt.Sprintf("proxy: {userHeader: X-Test-User, groupsHeader: X-Test-Groups, keepGroups: .*, secretHeader: X-Test-Secret, secretFile: %q}\nsessions: {keyFiles: [%q]}\n",
			filepath.Join(dir, "secret"), filepath.Join(dir, "key")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return filepath.Join(dir, "login.yaml")
}

func (w *running) probe() int {
	res, err := http.Get("http://" + w.probes.Addr().String() + "/readyz") //nolint:noctx // a probe has its own limits
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// open sends a GET request of a user. The headers are names and values in turn.
func (w *running) open(user, host, path string, headers ...string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, "http://"+w.visitors.Addr().String()+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Host = host
	pairs := append([]string{"Accept", "text/html", "X-Test-User", user, "X-Test-Secret", secret}, headers...)
	for i := 0; i < len(pairs); i += 2 {
		r.Header.Set(pairs[i], pairs[i+1])
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return res
}

// get returns the answer to a GET request, and its body.
func (w *running) get(user, host, path string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	res := w.open(user, host, path, headers...)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

func (w *running) until(what string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	for !is() {
		if ctx.Err() != nil {
			w.t.Fatalf("in a minute it was not so that %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (w *running) host(carrel string) string {
	return carrel + "--" + w.course + ".carrels-example.org"
}

func (w *running) userland(name string) *v1alpha1.Userland {
	w.t.Helper()
	u := &v1alpha1.Userland{}
	if err := w.admin.Get(w.t.Context(), client.ObjectKey{Namespace: w.course, Name: name}, u); err != nil {
		w.t.Fatal(err)
	}
	return u
}

// The owner's visit wakes the carrel by a write of the gateway's account. Another user is
// refused. Staff get in by RBAC, and their visit is recorded.
func TestVisitorsOfACluster(t *testing.T) {
	w := start(t)
	hana := w.userland("hana")
	hana.Status.State = v1alpha1.StateAsleep
	if err := w.admin.Status().Update(t.Context(), hana); err != nil {
		t.Fatal(err)
	}
	w.until("the carrel is seen to sleep", func() bool {
		c, _ := w.directory.Carrel(w.course, "hana")
		return c.State == v1alpha1.StateAsleep
	})
	if res, body := w.get("hana", w.host("hana"), "/"); res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "Programming 1") {
		t.Errorf("the owner is answered %d: %s", res.StatusCode, body)
	}
	woken := w.userland("hana")
	if woken.Status.LastActivityTime == nil || len(woken.ManagedFields) == 0 {
		t.Fatalf("nothing was written: %+v", woken.Status)
	}
	if res, _ := w.get("ken", w.host("hana"), "/"); res.StatusCode != http.StatusForbidden {
		t.Errorf("another is answered %d", res.StatusCode)
	}
	if res, _ := w.get("teacher", w.host("hana"), "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("staff are answered %d", res.StatusCode)
	}
	var events eventsv1.EventList
	if err := w.admin.List(t.Context(), &events, client.InNamespace(w.course)); err != nil {
		t.Fatal(err)
	}
	if len(events.Items) != 1 || !strings.Contains(events.Items[0].Note, "teacher opened this carrel") {
		t.Errorf("of the visit there are the events %v", events.Items)
	}
	if res, body := w.get("teacher", "desk.example.org", "/courses/"+w.course); res.StatusCode != http.StatusOK || !strings.Contains(body, "hana") {
		t.Errorf("the board is answered %d: %s", res.StatusCode, body)
	}
}

func TestFirstVisitEnrols(t *testing.T) {
	w := start(t)
	address := "/courses/" + w.course
	if res, _ := w.get("mori@example.ac.jp", "desk.example.org", address); res.StatusCode != http.StatusForbidden {
		t.Errorf("one whom no rule lets in is answered %d", res.StatusCode)
	}
	res, body := w.get("mori@example.ac.jp", "desk.example.org", address, "X-Test-Groups", "staff, students")
	there := res.Header.Get("Location")
	name, found := strings.CutSuffix(strings.TrimPrefix(there, "https://"), "--"+w.course+".carrels-example.org/")
	if res.StatusCode != http.StatusSeeOther || !found {
		t.Fatalf("one whom a rule lets in is answered %d, and sent to %q: %s", res.StatusCode, there, body)
	}
	if u := w.userland(name); u.Spec.User != "mori@example.ac.jp" || u.Spec.TemplateName != "" {
		t.Errorf("made %+v", u.Spec)
	}
	if res, _ := w.get("mori@example.ac.jp", w.host(name), "/"); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("at the new carrel the answer is %d", res.StatusCode)
	}
}

// The carrel with the newcomer's name belongs to another user, so the newcomer is refused.
func TestEnrolmentTakesNoCarrelOfAnother(t *testing.T) {
	w := start(t)
	w.create(&v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: w.course, Name: "mori"}, Spec: v1alpha1.UserlandSpec{User: "mori@elsewhere.example"}})
	res, body := w.get("mori", "desk.example.org", "/courses/"+w.course, "X-Test-Groups", "students")
	if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "could not be made") {
		t.Errorf("answered %d, sent to %q: %s", res.StatusCode, res.Header.Get("Location"), body)
	}
	if u := w.userland("mori"); u.Spec.User != "mori@elsewhere.example" {
		t.Errorf("it is now that of %q", u.Spec.User)
	}
}

func TestClientsThatAskTooMuch(t *testing.T) {
	w := start(t)
	res, _ := w.get("hana", "desk.example.org", "/", "X-Large", strings.Repeat("x", 64<<10))
	if res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("headers of 64 KiB are answered %d", res.StatusCode)
	}
	// A request that never ends its headers does not delay the stop.
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.visitors.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: desk.example.org\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || strings.Contains(string(answer), "200 OK") {
		t.Errorf("answered %q, %v", answer, err)
	}
}

// What is over the bounds of the flags is refused, by connection and by request.
func TestBoundsAreKept(t *testing.T) {
	w := start(t, func(o *options) { o.bounds.UserRequests, o.connections.PerUser = 1, 2 })
	listen := func() *http.Response {
		return w.open("hana", w.host("hana"), "/.carrel/wait", "Accept", "text/event-stream")
	}
	first := listen()
	defer func() { _ = first.Body.Close() }()
	second := listen()
	defer func() { _ = second.Body.Close() }()
	if first.StatusCode != http.StatusOK || second.StatusCode != http.StatusTooManyRequests {
		t.Errorf("two pages that listen are answered %d and %d, want 200 and 429", first.StatusCode, second.StatusCode)
	}
	if open := w.connections.Open(); open == 0 {
		t.Error("connections are not counted")
	}
}

// After a signal the gateway ends when the last visitor has gone. A page that listens is
// disconnected at once, and goes to another replica.
func TestStopEndsPagesThatListen(t *testing.T) {
	w := start(t)
	res := w.open("hana", w.host("hana"), "/.carrel/wait", "Accept", "text/event-stream")
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the page that listens is answered %d", res.StatusCode)
	}
	w.stop()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Errorf("the page that listens is cut off: %v", err)
	}
	w.until("it is not ready any more", func() bool { return w.probe() != http.StatusOK })
}

func TestOptionsThatDoNotGoTogether(t *testing.T) {
	for _, test := range []struct {
		o    options
		word string
	}{
		{options{}, "--desk-url"},
		{options{deskURL: "https://desk.example.org"}, "--carrel-domain"},
		{options{deskURL: "https://desk.example.org", domain: "a.example", single: "prog1"}, "--single-course"},
		{options{deskURL: "https://desk.example.org", domain: "a.example", proxies: []string{"10.0.0.1"}}, "--trusted-proxies"},
		{options{deskURL: "https://desk.example.org", domain: "example.org"}, "within"},
		{options{deskURL: "https://desk.example.org", domain: "a.example", certificateKey: "/tls.key"}, "--tls-cert-file"},
		{options{deskURL: "https://desk.example.org", domain: "a.example", quietPaths: []string{"poll"}}, "--quiet-paths"},
	} {
		if _, err := newGateway(t.Context(), apiserver.Config(), prometheus.NewRegistry(), test.o); err == nil || !strings.Contains(err.Error(), test.word) {
			t.Errorf("%+v: %v, want it to name %s", test.o, err, test.word)
		}
	}
}

// A login that was ended at another replica does not count, with the rights of the
// gateway's account alone.
func TestLogoutsOfAnotherReplica(t *testing.T) {
	w := start(t)
	other := logouts.New(logouts.Patch(w.admin), time.Now)
	user := w.course + "-hana"
	if err := other.EndAll(t.Context(), user, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	w.until("the logout is read", func() bool { return w.ended.Ended(user, "any", time.Now().Add(-time.Minute).Unix()) })
	if err := w.ended.End(t.Context(), user+"-two", "one", time.Now().Add(time.Hour)); err != nil {
		t.Errorf("the gateway's account records no logout: %v", err)
	}
}
