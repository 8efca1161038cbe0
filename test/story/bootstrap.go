package story

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// What clusters/local/flux-system names.
const (
	fluxNamespace    = "flux-system"
	sourceName       = "carrel"
	forgePlaceholder = "http://forge.invalid"
)

// Connect makes a client of the kinds the story needs.
func Connect(kubeconfig string) (client.WithWatch, *rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	scheme := runtime.NewScheme()
	kinds := runtime.NewSchemeBuilder(clientgoscheme.AddToScheme, v1alpha1.AddToScheme, sourcev1.AddToScheme, kustomizev1.AddToScheme)
	if err := kinds.AddToScheme(scheme); err != nil {
		return nil, nil, fmt.Errorf("register kinds: %w", err)
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return c, config, nil
}

// Bootstrap does what clusters/local/README.md tells an administrator to do
// once: the Secrets, and the objects with which git takes over.
func Bootstrap(ctx context.Context, c client.Client, forge *Forge, gateway Gateway, root string) error {
	if err := gateway.prepare(ctx, c, forge, time.Now()); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	for name, data := range map[string]map[string]string{
		"carrel-git":   {"username": robot, "password": forge.RobotToken},
		"carrel-forge": {"token": forge.RobotToken},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: fluxNamespace, Name: name}, StringData: data}
		if err := c.Create(ctx, secret); err != nil {
			return fmt.Errorf("bootstrap: create the Secret %s: %w", name, err)
		}
	}
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, "clusters", "local", "flux-system"))
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	for _, resource := range rendered.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return fmt.Errorf("bootstrap: %s: %w", resource.CurId(), err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(bytes.ReplaceAll(text, []byte(forgePlaceholder), []byte(forge.Host())), &object.Object); err != nil {
			return fmt.Errorf("bootstrap: %s: %w", resource.CurId(), err)
		}
		if err := c.Create(ctx, object); err != nil {
			return fmt.Errorf("bootstrap: create %s: %w", resource.CurId(), err)
		}
	}
	return nil
}
