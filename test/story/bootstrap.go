package story

import (
	"context"
	"fmt"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Flux lives in fluxNamespace; SourceName is its GitRepository of the whole
// repository and the Provider beside it.
const (
	fluxNamespace = "flux-system"
	SourceName    = "carrel"
)

// pollInterval is how often Flux looks at the forge. A campus would take a
// minute and a webhook; here it keeps the story short.
const pollInterval = 2 * time.Second

// Connect makes a client of the kinds the story needs.
func Connect(kubeconfig string) (client.WithWatch, *rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, nil, fmt.Errorf("read the kubeconfig %s: %w", kubeconfig, err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, v1alpha1.AddToScheme,
		sourcev1.AddToScheme, kustomizev1.AddToScheme, notificationv1.AddToScheme,
	} {
		utilruntime.Must(add(scheme))
	}
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return c, config, nil
}

// Bootstrap tells Flux where the repository is and to apply clusters/local, as
// an administrator does once for a new cluster (docs/install.md). All else
// comes from git.
func Bootstrap(ctx context.Context, c client.Client, forge *Forge) error {
	flux := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: fluxNamespace, Name: name} }
	for _, object := range []client.Object{
		&corev1.Secret{ObjectMeta: flux("carrel-git"), StringData: map[string]string{"username": robot, "password": forge.RobotToken}},
		&corev1.Secret{ObjectMeta: flux("carrel-forge"), StringData: map[string]string{"token": forge.RobotToken}},
		&sourcev1.GitRepository{ObjectMeta: flux(SourceName), Spec: sourcev1.GitRepositorySpec{
			URL:       forge.URL,
			Reference: &sourcev1.GitRepositoryRef{Branch: mainBranch},
			SecretRef: &meta.LocalObjectReference{Name: "carrel-git"},
			Interval:  metav1.Duration{Duration: pollInterval},
		}},
		&notificationv1.Provider{ObjectMeta: flux(SourceName), Spec: notificationv1.ProviderSpec{
			Type:      "gitea",
			Address:   forge.URL,
			SecretRef: &meta.LocalObjectReference{Name: "carrel-forge"},
		}},
		&kustomizev1.Kustomization{ObjectMeta: flux("cluster"), Spec: kustomizev1.KustomizationSpec{
			SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: SourceName},
			Path:      "./clusters/local",
			Prune:     true,
			Interval:  metav1.Duration{Duration: 10 * time.Minute},
		}},
	} {
		if err := c.Create(ctx, object); err != nil {
			return fmt.Errorf("bootstrap: create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}
