// Package decryptor refuses what is encrypted: SOPS and the SDKs of the clouds
// that keep its keys are left out, and no cluster of ours has encrypted files.
package decryptor

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/fluxcd/pkg/cache"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
)

// errLeftOut answers whoever asks for decryption.
var errLeftOut = errors.New("spec.decryption: SOPS is not part of this build")

// Decryptor decrypts nothing.
type Decryptor struct {
	root          string
	tokenCache    *cache.TokenCache
	sopsAgeSecret *types.NamespacedName
	wanted        bool
}

// New makes a Decryptor for a Kustomization.
func New(_ client.Client, kustomization *kustomizev1.Kustomization, opts ...Option) (*Decryptor, func(), error) {
	d := &Decryptor{wanted: kustomization.Spec.Decryption != nil}
	for _, opt := range opts {
		opt(d)
	}
	return d, func() {}, nil
}

// IsEncryptedSecret reports whether object is a Secret that SOPS has encrypted.
func IsEncryptedSecret(object *unstructured.Unstructured) bool {
	_, encrypted := object.Object["sops"]
	return encrypted && object.GroupVersionKind() == corev1.SchemeGroupVersion.WithKind("Secret")
}

// ImportKeys fails if the Kustomization asks for decryption.
func (d *Decryptor) ImportKeys(context.Context) error {
	if d.wanted {
		return errLeftOut
	}
	return nil
}

// SetAuthOptions does nothing.
func (d *Decryptor) SetAuthOptions(context.Context) {}

// DecryptResource fails: it is called only if decryption is asked for.
func (d *Decryptor) DecryptResource(*resource.Resource) (*resource.Resource, error) {
	return nil, errLeftOut
}

// DecryptSources does nothing: ImportKeys, which comes before it, has refused.
func (d *Decryptor) DecryptSources(string) error { return nil }
