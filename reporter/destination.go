package reporter

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	notificationv1 "github.com/fluxcd/notification-controller/api/v1beta3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/forge"
)

// Keys of the Secrets a Provider names, as Flux has them.
const (
	tokenKey = "token"
	caKey    = "ca.crt"
	// oldCAKey is Flux's deprecated name for it.
	oldCAKey = "caFile"
)

// destination is where the statuses of a repository go.
type destination struct {
	// by is what names the Secret, in words.
	by string
	// forge is its type, as in a Flux Provider; like the address it may be known only
	// when the Secret is read.
	forge, address string
	// branch is where the commits come from; empty if that is no branch.
	branch string
	// secret is the namespace/name of the one that holds the token; certs that of the
	// one that holds the CA, if there is one.
	secret types.NamespacedName
	certs  *types.NamespacedName
	// version changes when a Provider may have been put right.
	version string
	timeout time.Duration
	// app: the Secret holds the credentials of a GitHub App.
	app bool
}

// destination finds the Flux Provider that lies beside the repository and names
// the same one. Both are the maintainer's, and no course can write either.
func (f *inFlux) destination(ctx context.Context, r *Reconciler) (*destination, error) {
	repository := f.repository
	var providers notificationv1.ProviderList
	if err := r.Client.List(ctx, &providers, client.InNamespace(repository.Namespace)); err != nil {
		return nil, err
	}
	slices.SortFunc(providers.Items, func(a, b notificationv1.Provider) int { return cmp.Compare(a.Name, b.Name) })
	for i := range providers.Items {
		provider := &providers.Items[i]
		if _, known := r.Forges.Named(provider.Spec.Type); !known || !forge.SameRepository(provider.Spec.Address, repository.Spec.URL) {
			continue
		}
		if provider.Spec.Suspend {
			return nil, notConfigured("Provider %s/%s is suspended", provider.Namespace, provider.Name)
		}
		if provider.Spec.SecretRef == nil {
			return nil, notConfigured("Provider %s/%s has no secretRef: name the Secret that holds the token", provider.Namespace, provider.Name)
		}
		return destinationOf(provider, branchOf(repository)), nil
	}
	return nil, notConfigured("namespace %s has no Provider for %s: add one of type %s whose address is that of the repository",
		repository.Namespace, repository.Spec.URL, strings.Join(r.Forges.Names(), " or "))
}

func destinationOf(provider *notificationv1.Provider, branch string) *destination {
	beside := func(name string) types.NamespacedName {
		return types.NamespacedName{Namespace: provider.Namespace, Name: name}
	}
	d := &destination{
		by:    "Provider " + provider.Namespace + "/" + provider.Name,
		forge: provider.Spec.Type, address: provider.Spec.Address, branch: branch,
		secret: beside(provider.Spec.SecretRef.Name), version: provider.ResourceVersion, timeout: provider.GetTimeout(),
	}
	if ref := provider.Spec.CertSecretRef; ref != nil {
		certs := beside(ref.Name)
		d.certs = &certs
	}
	return d
}

// branchOf is the branch that Flux follows, by the rules of its API: a name, a
// range of versions and a tag come first, and without any it is master.
func branchOf(repository *sourcev1.GitRepository) string {
	ref := repository.Spec.Reference
	switch {
	case ref == nil:
		return "master"
	case ref.Name != "":
		branch, _ := strings.CutPrefix(ref.Name, "refs/heads/")
		if branch == ref.Name {
			return ""
		}
		return branch
	case ref.SemVer != "", ref.Tag != "":
		return ""
	case ref.Branch == "" && ref.Commit == "":
		return "master"
	}
	return ref.Branch
}

// open reads the credentials and makes a client. They are read anew each time,
// which is seldom: so no Secret is watched or kept, and a renewed token counts at
// once.
func (r *Reconciler) open(ctx context.Context, d *destination) (forge.Client, error) {
	secret, err := r.secret(ctx, d, d.secret)
	if err != nil {
		return nil, err
	}
	if err := d.complete(secret, r.Forges.Names()); err != nil {
		return nil, err
	}
	kind, known := r.Forges.Named(d.forge)
	repository, err := forge.ParseRepository(d.address)
	switch {
	case err != nil:
		problem := notConfigured("%s: %v", d.by, err)
		problem.after = personEvery // a Secret is not watched
		return nil, problem
	case !known:
		return nil, noCredentials(nil, "Secret %s is for a forge of type %q: the reporter knows %s", d.secret, d.forge, strings.Join(r.Forges.Names(), ", "))
	}
	config := forge.Config{Repository: repository, Branch: d.branch, Timeout: d.timeout}
	if err := d.credentials(secret, kind.Apps, &config); err != nil {
		return nil, err
	}
	if config.CA, err = r.authority(ctx, d, secret); err != nil {
		return nil, err
	}
	opened, err := kind.Open(config)
	if err != nil {
		return nil, noCredentials(err, "%s can't be used: %v", d.by, err)
	}
	return counted{Client: opened, forge: d.forge}, nil
}

// authority is the CA of a forge with a certificate of its own.
func (r *Reconciler) authority(ctx context.Context, d *destination, secret *corev1.Secret) ([]byte, error) {
	if d.certs == nil {
		if ca := secret.Data[caKey]; len(ca) > 0 {
			return ca, nil
		}
		return secret.Data[oldCAKey], nil
	}
	certs, err := r.secret(ctx, d, *d.certs)
	if err != nil {
		return nil, err
	}
	if ca := certs.Data[caKey]; len(ca) > 0 {
		return ca, nil
	}
	return certs.Data[oldCAKey], nil
}

func (r *Reconciler) secret(ctx context.Context, d *destination, name types.NamespacedName) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := r.APIReader.Get(ctx, name, &secret)
	switch {
	case apierrors.IsNotFound(err):
		return nil, noCredentials(err, "Secret %s, which %s names, does not exist: make it", name, d.by)
	case apierrors.IsForbidden(err):
		return nil, noCredentials(err, "the reporter may not read Secret %s: add its name to the Role that lets it", name)
	}
	return &secret, err
}
