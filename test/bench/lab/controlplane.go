// Package lab provides the benches with a control plane, the controller as a
// separate process, and its metrics.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

// Course is the namespace of all measured objects.
const Course = "bench"

// ControlPlane is a new etcd and kube-apiserver with Carrel's kinds, roles and
// admission policies. It has no kubelet and no controllers.
type ControlPlane struct {
	// Config is the administrator's configuration, without client-side throttling.
	Config *rest.Config
	// Controller is the configuration of the controller's account in a cluster, with a
	// token of that account.
	Controller *rest.Config
	// Kubeconfig is the path of a kubeconfig with the same content.
	Kubeconfig string

	server    *apiserver.Server
	directory string
}

// Start starts a control plane and creates the namespace Course in it.
func Start(ctx context.Context) (_ *ControlPlane, err error) {
	server, err := apiserver.Start()
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return nil, errors.Join(err, server.Stop())
	}
	p := &ControlPlane{Config: server.Config, server: server, directory: directory, Kubeconfig: filepath.Join(directory, "kubeconfig")}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop())
		}
	}()
	if err := os.WriteFile(p.Kubeconfig, server.Kubeconfig, 0o600); err != nil {
		return nil, err
	}
	c, err := p.Client()
	if err != nil {
		return nil, err
	}
	if err := c.Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Course}}); err != nil {
		return nil, fmt.Errorf("create the namespace %q: %w", Course, err)
	}
	return p, p.install(ctx, c)
}

// account is the one of the controller in a cluster.
var account = &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "carrel-system", Name: "carrel-controller"}}

// install installs the roles and the admission policies of a cluster, which cost each
// write something also where they refuse nothing, and makes the configuration of the
// controller's account.
func (p *ControlPlane) install(ctx context.Context, c client.Client) error {
	repository, err := flux.Copy(filepath.Join(p.directory, "repository"), apiserver.Root(), "kustomize")
	if err != nil {
		return err
	}
	for _, path := range []string{"kustomize/controller", "kustomize/access", "kustomize/policy"} {
		objects, err := repository.Build(path)
		if err != nil {
			return err
		}
		for _, object := range objects {
			if object.GetKind() == "Deployment" {
				continue
			}
			if err := c.Create(ctx, object); err != nil {
				return fmt.Errorf("create %s %q: %w", object.GetKind(), object.GetName(), err)
			}
		}
	}
	return p.login(ctx, c)
}

// login requests a token for the controller's account, as a kubelet does, and writes
// the kubeconfig of the account.
func (p *ControlPlane) login(ctx context.Context, c client.Client) error {
	day := int64((24 * time.Hour).Seconds())
	token := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &day}}
	if err := c.SubResource("token").Create(ctx, account, token); err != nil {
		return fmt.Errorf("request a token for the controller: %w", err)
	}
	p.Controller = rest.AnonymousClientConfig(p.Config)
	p.Controller.BearerToken = token.Status.Token
	config, err := clientcmd.Load(p.server.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read the administrator's kubeconfig: %w", err)
	}
	for name := range config.AuthInfos {
		config.AuthInfos[name] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	return clientcmd.WriteToFile(*config, p.controllerKubeconfig())
}

func (p *ControlPlane) controllerKubeconfig() string {
	return filepath.Join(p.directory, "controller.kubeconfig")
}

// Stop stops the control plane and removes its files.
func (p *ControlPlane) Stop() error {
	return errors.Join(p.server.Stop(), os.RemoveAll(p.directory))
}

// Profile writes a profile of the API server to a file, such as "profile?seconds=5".
func (p *ControlPlane) Profile(ctx context.Context, name, file string) error {
	administrator, err := rest.HTTPClientFor(p.Config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	return profile(ctx, administrator, strings.TrimSuffix(p.Config.Host, "/"), name, file)
}

// Client returns a client without a cache.
func (p *ControlPlane) Client() (client.Client, error) {
	return newClient(p.Config)
}

// Connections returns clients with one connection each, like a program that opens
// as many connections. They use protobuf or, as client-go does by default, JSON.
func Connections(account *rest.Config, count int, protobuf bool) ([]client.Client, error) {
	clients := make([]client.Client, count)
	for i := range clients {
		config := rest.CopyConfig(account)
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

func newClient(config *rest.Config) (client.Client, error) {
	c, err := client.New(config, client.Options{Scheme: apiserver.Scheme()})
	if err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	return c, nil
}
