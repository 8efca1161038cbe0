// Package apiserver provides a package's tests with a real etcd and kube-apiserver
// with Carrel's kinds installed. There is no kubelet and no controller-manager: a
// test writes what they would write.
package apiserver

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

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

// assetsVariable names the environment variable by which envtest finds its
// binaries.
const assetsVariable = "KUBEBUILDER_ASSETS"

var (
	environment *envtest.Environment
	config      *rest.Config
)

// Main starts an API server, runs the tests of a package, and stops the API server.
// Call it from TestMain. moreCRDs are directories or files with further CRDs, such
// as Flux's. Main does not return.
func Main(m *testing.M, moreCRDs ...string) {
	code, err := run(m, moreCRDs)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, moreCRDs []string) (code int, err error) {
	if os.Getenv(assetsVariable) == "" {
		return 1, fmt.Errorf("%s is not set: run `make test`, or export %s=$(bin/devcluster assets)", assetsVariable, assetsVariable)
	}
	environment = &envtest.Environment{
		CRDDirectoryPaths:     append([]string{filepath.Join(Root(), "kustomize", "crds")}, moreCRDs...),
		ErrorIfCRDPathMissing: true,
	}
	// Stop what Start began, even if Start fails later, for instance at a CRD.
	defer func() {
		if stopErr := environment.Stop(); stopErr != nil && err == nil {
			err = fmt.Errorf("stop the API server of the tests: %w", stopErr)
		}
	}()
	config, err = environment.Start()
	if err != nil {
		return 1, fmt.Errorf("start the API server of the tests: %w", err)
	}
	// Tests send bursts of requests, which client-side throttling would only slow
	// down.
	config.QPS = -1
	return m.Run(), nil
}

// Root returns the root directory of the repository.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Config returns a copy of the administrator's client configuration.
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

// Client returns an administrator's client without a cache.
func Client(t testing.TB, add ...func(*k8sruntime.Scheme) error) client.Client {
	t.Helper()
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
