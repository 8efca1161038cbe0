// Package revision keeps what carrels were made of as ControllerRevisions. It is
// pure.
package revision

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
	"github.com/carrel-dev/carrel/controller/workload"
)

// New is the revision of a Template as it stands. Its name is made of its
// content, so that an edit taken back leads to the revision there was before.
// It has no owner: carrels that run with it outlive their Template.
func New(t *v1alpha1.Template) (*appsv1.ControllerRevision, error) {
	data, err := json.Marshal(workload.NewBlueprint(t))
	if err != nil {
		return nil, fmt.Errorf("encode the revision of template %q: %w", t.Name, err)
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: t.Namespace,
			Name:      name(t.Name, data),
			Labels: map[string]string{
				v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue,
				v1alpha1.TemplateLabel:  t.Name,
			},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: t.Generation,
	}, nil
}

// longestPrefix leaves room for a dash and the digest in a label's 63 characters.
const longestPrefix = 63 - 1 - 2*digestBytes

// digestBytes are enough to tell the revisions of one Template apart.
const digestBytes = 5

// name begins with that of the Template, as far as there is room in a label.
func name(template string, data []byte) string {
	sum := sha256.Sum256(append([]byte(template+"\x00"), data...))
	prefix := strings.TrimRight(template[:min(len(template), longestPrefix)], "-.")
	return prefix + "-" + hex.EncodeToString(sum[:digestBytes])
}

// Blueprint is what a revision keeps.
func Blueprint(r *appsv1.ControllerRevision) (workload.Blueprint, error) {
	var b workload.Blueprint
	if err := json.Unmarshal(r.Data.Raw, &b); err != nil {
		return b, fmt.Errorf("read revision %q: %w", r.Name, err)
	}
	return b, nil
}
