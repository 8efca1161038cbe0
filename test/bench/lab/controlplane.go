// Package lab provides the benches with a control plane, the controller as a
// separate process, and its metrics.
package lab

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"context"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// assetsVariable names the environment variable by which envtest finds etcd and
// kube-apiserver.
const assetsVariable = "KUBEBUILDER_ASSETS"

// Course is the namespace of all measured objects.
const Course = "bench"

// ControlPlane is a new etcd and kube-apiserver with Carrel's kinds. It has no
// kubelet and no controllers.
type ControlPlane struct {
	// Config is the administrator's configuration, without client-side throttling.
	Config *rest.Config
	// Kubeconfig is the path of a kubeconfig with the same content.
	Kubeconfig string

	environment *envtest.Environment
	directory   string
}

// Start starts a control plane and creates the namespace Course in it. The working
// directory must be the root of the repository.
func Start(ctx context.Context) (_ *ControlPlane, err error) {
	if os.Getenv(assetsVariable) == "" {
		return nil, fmt.Errorf("%s is not set: export %s=$(bin/devcluster assets)", assetsVariable, assetsVariable)
	}
	directory, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return nil, err
	}
	p := &ControlPlane{directory: directory, Kubeconfig: filepath.Join(directory, "kubeconfig"), environment: &envtest.Environment{
		CRDDirectoryPaths:     []string{filepath.Join("kustomize", "crds")},
		ErrorIfCRDPathMissing: true,
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	if p.Config, err = p.environment.Start(); err != nil {
		return nil, fmt.Errorf("start a control plane: %w", err)
	}
	p.Config.QPS = -1
	if err := os.WriteFile(p.Kubeconfig, p.environment.KubeConfig, 0o600); err != nil {
		return nil, err
	}
	c, err := p.Client()
	if err != nil {
		return nil, err
	}
	return p, c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Course}})
}

// Stop stops the control plane and removes its files.
func (p *ControlPlane) Stop() error {
	return errors.Join(p.environment.Stop(), os.RemoveAll(p.directory))
}

// Client returns a client without a cache.
func (p *ControlPlane) Client() (client.WithWatch, error) {
	return newClient(p.Config)
}

// Connections returns clients with one connection each, like a program that opens
// as many connections. They use protobuf or, as client-go does by default, JSON.
func (p *ControlPlane) Connections(count int, protobuf bool) ([]client.Client, error) {
	clients := make([]client.Client, count)
	for i := range clients {
		config := rest.CopyConfig(p.Config)
		// HTTP/2 would share one connection.
		config.NextProtos = []string{"http/1.1"}
		if !protobuf {
			config.ContentType = k8sruntime.ContentTypeJSON
		}
		var err error
		if clients[i], err = newClient(config); err != nil {
			return nil, err
		}
	}
	return clients, nil
}

func newClient(config *rest.Config) (client.WithWatch, error) {
	scheme := k8sruntime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return nil, err
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return c, nil
}
