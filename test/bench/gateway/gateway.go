package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/access"
	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/audit"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/enrol"
	"github.com/carrel-dev/carrel/gateway/limit"
	"github.com/carrel-dev/carrel/gateway/observe"
	"github.com/carrel-dev/carrel/gateway/route"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// userHeader and secretHeader are the headers with which the bench logs in once, to
// get a cookie.
const userHeader, secretHeader = "X-Bench-User", "X-Bench-Secret"

const deskURL = "https://desk.example.org"

// gateway returns a complete gateway without an API server and without bounds, for one
// carrel. It also returns the cookie of the carrel's owner.
func gateway(ctx context.Context, upstream string) (http.Handler, string, error) {
	index := directory.NewIndex()
	if err := putCarrel(index, "hana", upstream); err != nil {
		return nil, "", err
	}
	handler, err := newGateway(ctx, index, route.Bounds{}, nil)
	if err != nil {
		return nil, "", err
	}
	cookie, err := logIn(handler)
	return handler, cookie, err
}

// newGateway returns a complete gateway without an API server, for the carrels of an index.
func newGateway(ctx context.Context, index *directory.Index, bounds route.Bounds, memory *limit.Memory) (http.Handler, error) {
	ctrl.SetLogger(zap.New(zap.WriteTo(io.Discard)))
	lines, err := accessLog(ctx)
	if err != nil {
		return nil, err
	}
	hosts, err := route.NewHosts(deskURL, domain)
	if err != nil {
		return nil, err
	}
	desk, err := newDesk(hosts)
	if err != nil {
		return nil, err
	}
	c := fake.NewFakeClient()
	used := activity.New(c, index, nil)
	go func() { _ = used.Run(ctx) }()
	counts := observe.NewMetrics(prometheus.NewRegistry())
	router := &route.Router{
		Hosts: hosts, Login: desk, Board: http.NotFoundHandler(), Directory: index, Access: access.New(c, access.Options{}),
		Waiter: &wait.Waiter{Directory: index}, Activity: used, Visits: audit.Log{Client: c},
		Enrolment: &enrol.Enroller{Client: c, Directory: index, OneProvider: desk.OneProvider}, Metrics: counts, Address: route.AddressBehind(nil),
		Bounds: bounds, Memory: memory,
	}
	return observe.Handler(counts, clock.RealClock{}, lines, router.Handler()), nil
}

// accessLog returns a complete access log in a file that is already deleted, as nginx
// writes one: the lines cost a system call for each full buffer, and nobody reads them.
func accessLog(ctx context.Context) (*observe.AccessLog, error) {
	file, err := os.CreateTemp("", "carrel-bench-access-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, err
	}
	lines := observe.NewAccessLog(file)
	go func() { _ = lines.Run(ctx) }()
	return lines, nil
}

// putCarrel adds a running carrel at an address to an index.
func putCarrel(index *directory.Index, name, address string) error {
	ip, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	parsed, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return err
	}
	number := int32(parsed)
	now := metav1.Now()
	index.Put(&v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}, Status: v1alpha1.UserlandStatus{State: v1alpha1.StateRunning, LastActivityTime: &now},
	})
	index.Put(&discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: course, Name: name, Labels: map[string]string{v1alpha1.UserlandLabel: name}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: &number}},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{ip}}},
	})
	return nil
}

// newDesk returns a desk that trusts the bench's header. Its login provider is
// never used.
func newDesk(hosts route.Hosts) (*auth.Desk, error) {
	dir, err := os.MkdirTemp("", "carrel-bench-login-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	key, secret, login := filepath.Join(dir, "key"), filepath.Join(dir, "secret"), filepath.Join(dir, "login.yaml")
	for file, text := range map[string]string{
		key: strings.Repeat("k", 64), secret: "secret",
		login: fmt.Sprintf("providers: [{name: nobody, github: {clientID: x, clientSecretFile: %q}}]\n"+
			"proxy: {userHeader: %s, secretHeader: %s, secretFile: %q}\nsessions: {keyFiles: [%q]}\n", secret, userHeader, secretHeader, secret, key),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	config, err := auth.ReadConfig(login)
	if err != nil {
		return nil, err
	}
	return auth.NewDesk(config, auth.Options{URL: hosts.DeskURL(), IsCarrel: hosts.IsCarrel})
}

// logIn follows the redirects of a browser, from the carrel to the desk and back.
// It returns the cookie set by the carrel's host.
func logIn(handler http.Handler) (string, error) {
	address, cookie := "https://"+host+"/", ""
	for range 4 {
		u, err := url.Parse(address)
		if err != nil {
			return "", err
		}
		r := httptest.NewRequest(http.MethodGet, address, nil)
		r.Header.Set("Accept", "text/html")
		if "https://"+u.Host == deskURL {
			r.Header.Set(userHeader, "hana")
			r.Header.Set(secretHeader, "secret")
		} else if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		res := w.Result()
		_, _ = io.Copy(io.Discard, res.Body)
		for _, set := range res.Cookies() {
			if set.Value != "" {
				cookie = set.Name + "=" + set.Value
			}
		}
		if address = res.Header.Get("Location"); address == "" || strings.HasPrefix(address, "/") {
			return cookie, nil
		}
	}
	return "", fmt.Errorf("the login does not end: it leads to %s", address)
}
