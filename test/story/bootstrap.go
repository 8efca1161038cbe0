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
	fluxNamespace = "flux-system"
	sourceName    = "carrel"
)

// ForgePlaceholder stands for the address of the forge in clusters/local/flux-system.
const ForgePlaceholder = "http://forge.invalid"

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
	objects, err := Secrets(ctx, forge, gateway)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	handOver, err := fluxSystem(forge, root)
	if err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	for _, object := range append(objects, handOver...) {
		if err := c.Create(ctx, object); err != nil {
			return fmt.Errorf("bootstrap: create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

// Secrets returns the objects of the cluster that are not in git.
func Secrets(ctx context.Context, forge *Forge, gateway Gateway) ([]client.Object, error) {
	objects, err := gateway.objects(ctx, forge, time.Now())
	if err != nil {
		return nil, err
	}
	for name, data := range map[string]map[string]string{
		"carrel-git":   {"username": robot, "password": forge.RobotToken},
		"carrel-forge": {"token": forge.RobotToken},
	} {
		objects = append(objects, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: fluxNamespace, Name: name}, StringData: data})
	}
	return objects, nil
}

// fluxSystem returns the objects with which git takes over.
func fluxSystem(forge *Forge, root string) ([]client.Object, error) {
	rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(root, "clusters", "local", "flux-system"))
	if err != nil {
		return nil, err
	}
	var objects []client.Object
	for _, resource := range rendered.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal(bytes.ReplaceAll(text, []byte(ForgePlaceholder), []byte(forge.Host())), &object.Object); err != nil {
			return nil, fmt.Errorf("%s: %w", resource.CurId(), err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
