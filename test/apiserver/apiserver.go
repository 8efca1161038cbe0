// Package apiserver provides a package's tests with a real etcd and kube-apiserver
// with Carrel's kinds installed. There is no kubelet and no controller-manager: a
// test writes what they would write.
package apiserver

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// AssetsVariable names the environment variable by which envtest finds its
// binaries.
const AssetsVariable = "KUBEBUILDER_ASSETS"

// config is that of the server which Main started.
var config *rest.Config

// Main starts an API server, runs the tests of a package, and stops the API server.
// Call it from TestMain. moreCRDs are directories or files with further CRDs, such
// as Flux's. With -short it starts none, and [Client] skips its test. Main does not
// return.
func Main(m *testing.M, moreCRDs ...string) {
	code, err := run(m, moreCRDs)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, moreCRDs []string) (code int, err error) {
	flag.Parse() // before testing.Short
	if testing.Short() {
		config = &rest.Config{Host: "127.0.0.1:1"} // where nobody listens
		return m.Run(), nil
	}
	server, err := Start(moreCRDs...)
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	config = server.Config
	return m.Run(), nil
}

// startWithin bounds each step of starting and stopping a Server. It is many times
// what a step takes on an idle machine.
const startWithin = 3 * time.Minute

// Server is an etcd and a kube-apiserver of their own.
type Server struct {
	// Config is the administrator's client configuration, without a throttle: tests and
	// benches send bursts.
	Config *rest.Config
	// Kubeconfig is a file's content that says the same.
	Kubeconfig []byte
	// Etcd is the address of its etcd, which asks for no credentials.
	Etcd string

	environment *envtest.Environment
}

// Start starts a Server with Carrel's kinds and those of moreCRDs, which are
// directories or files.
func Start(moreCRDs ...string) (*Server, error) {
	if os.Getenv(AssetsVariable) == "" {
		return nil, fmt.Errorf("%s is not set: run `make test`, or export %s=$(bin/devcluster assets)", AssetsVariable, AssetsVariable)
	}
	s := &Server{environment: &envtest.Environment{
		CRDDirectoryPaths:     append([]string{filepath.Join(Root(), "kustomize", "crds")}, moreCRDs...),
		ErrorIfCRDPathMissing: true,
		// envtest allows 20 s to start, and 10 s to install the CRDs. Where several
		// packages start an API server each on two busy cores, that is too short.
		ControlPlaneStartTimeout: startWithin,
		ControlPlaneStopTimeout:  startWithin,
		CRDInstallOptions:        envtest.CRDInstallOptions{MaxTime: startWithin},
	}}
	config, err := s.environment.Start()
	if err != nil {
		// Start may fail late, at a CRD for instance, and leaves running what it began.
		return nil, errors.Join(fmt.Errorf("start an API server: %w", err), s.Stop())
	}
	config.QPS = -1
	s.Config, s.Kubeconfig = config, s.environment.KubeConfig
	s.Etcd = s.environment.ControlPlane.Etcd.URL.String()
	return s, nil
}

// Stop stops the server.
func (s *Server) Stop() error {
	if err := s.environment.Stop(); err != nil {
		return fmt.Errorf("stop the API server: %w", err)
	}
	return nil
}

// Root returns the root directory of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Config returns a copy of the administrator's client configuration. With -short it
// leads nowhere: a test that has no [Client] calls [SkipIfShort] first.
func Config() *rest.Config { return rest.CopyConfig(config) }

// Scheme returns a scheme with the built-in kinds, Carrel's, and those that add
// registers.
func Scheme(add ...func(*k8sruntime.Scheme) error) *k8sruntime.Scheme {
	scheme := k8sruntime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))
	for _, register := range add {
		utilruntime.Must(register(scheme))
	}
	return scheme
}

// SkipIfShort skips a test that needs the API server, which -short does not start.
func SkipIfShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an API server, and -short starts none")
	}
}

// Client returns an administrator's client without a cache.
func Client(t testing.TB, add ...func(*k8sruntime.Scheme) error) client.Client {
	t.Helper()
	SkipIfShort(t)
	c, err := client.New(config, client.Options{Scheme: Scheme(add...)})
	if err != nil {
		t.Fatalf("make a client: %v", err)
	}
	return c
}

// Namespace creates a namespace for the test and returns its name. The namespace
// stays until the API server stops, because nothing here would finish its deletion.
func Namespace(t testing.TB, c client.Client) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: prefix(t.Name())}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatalf("make a namespace: %v", err)
	}
	return ns.Name
}

// prefix returns the beginning of a namespace's name, made from a test's name.
func prefix(test string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(strings.TrimPrefix(test, "Test")))
	if len(name) > 30 {
		name = name[:30]
	}
	return "t" + strings.Trim(name, "-") + "-"
}
