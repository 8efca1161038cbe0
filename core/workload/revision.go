package workload

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// NewRevision is the revision of a Template as it stands. Its name is made of its
// content, so that an edit taken back leads to the revision there was before.
// It has no owner: carrels that run with it outlive their Template.
func NewRevision(t *v1alpha1.Template) (*appsv1.ControllerRevision, error) {
	data, err := json.Marshal(NewBlueprint(t))
	if err != nil {
		return nil, fmt.Errorf("encode the revision of template %q: %w", t.Name, err)
	}
	digest, err := digestOf(source(t))
	if err != nil {
		return nil, fmt.Errorf("encode template %q: %w", t.Name, err)
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: t.Namespace,
			Name:      revisionName(t.Name, data),
			Labels: map[string]string{
				v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue,
				v1alpha1.TemplateLabel:  t.Name,
			},
			Annotations: map[string]string{v1alpha1.SourceAnnotation: digest},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: t.Generation,
	}, nil
}

// digestOf returns a digest of the source of a revision. It has the form of a
// TemplateSpec, since another form would give all revisions that exist another source.
func digestOf(b Blueprint) (string, error) {
	spec := v1alpha1.TemplateSpec{Service: b.Service, Template: b.Pod}
	for _, name := range b.Volumes {
		spec.Volumes = append(spec.Volumes, v1alpha1.Volume{Name: name})
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:digestBytes]), nil
}

// SameSource reports whether two revisions differ only in what versions of the
// controller made of one and the same Template.
func SameSource(a, b *appsv1.ControllerRevision) bool {
	source, known := a.Annotations[v1alpha1.SourceAnnotation]
	return known && source == b.Annotations[v1alpha1.SourceAnnotation] && a.Labels[v1alpha1.TemplateLabel] == b.Labels[v1alpha1.TemplateLabel]
}

// longestRevisionPrefix leaves room for a dash and the digest in a label's 63 characters.
const longestRevisionPrefix = 63 - 1 - 2*digestBytes

// digestBytes are enough to tell the revisions of one Template apart.
const digestBytes = 5

// revisionName begins with that of the Template, as far as there is room in a label.
func revisionName(template string, data []byte) string {
	sum := sha256.Sum256(append([]byte(template+"\x00"), data...))
	prefix := strings.TrimRight(template[:min(len(template), longestRevisionPrefix)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:digestBytes])
}

// ReadBlueprint returns the blueprint that a revision keeps.
func ReadBlueprint(r *appsv1.ControllerRevision) (Blueprint, error) {
	var b Blueprint
	if err := json.Unmarshal(r.Data.Raw, &b); err != nil {
		return b, fmt.Errorf("read revision %q: %w", r.Name, err)
	}
	return b, nil
}
