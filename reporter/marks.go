package reporter

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// marksName is the ConfigMap of the reporter. It is installed empty, so that the reporter
// needs no right to create one.
const marksName = "carrel-reporter-marks"

// marks keeps what was posted as carrel/<cluster>, by GitRepository. No Course can keep it.
// Nobody else writes the ConfigMap, so it is read once.
type marks struct {
	client    client.Writer
	reader    client.Reader
	namespace string
	read      map[string]string
}

// keyOf returns the key of a repository. The name of a namespace has no dot.
func keyOf(repository types.NamespacedName) string {
	return repository.Namespace + "." + repository.Name
}

// of returns what was posted last about a repository; empty if nothing was.
func (m *marks) of(ctx context.Context, repository types.NamespacedName) (last v1alpha1.ReportStatus, err error) {
	if m.read == nil {
		var stored corev1.ConfigMap
		if err := m.reader.Get(ctx, types.NamespacedName{Namespace: m.namespace, Name: marksName}, &stored); err != nil {
			return last, fmt.Errorf("read what was posted about what is above the courses: %w", err)
		}
		if m.read = stored.Data; m.read == nil {
			m.read = map[string]string{}
		}
	}
	text, found := m.read[keyOf(repository)]
	if !found {
		return last, nil
	}
	if err := json.Unmarshal([]byte(text), &last); err != nil {
		return v1alpha1.ReportStatus{}, fmt.Errorf("read key %s of ConfigMap %s/%s: %w", keyOf(repository), m.namespace, marksName, err)
	}
	return last, nil
}

// set records what was posted, or is about to be.
func (m *marks) set(ctx context.Context, repository types.NamespacedName, mark v1alpha1.ReportStatus) error {
	text, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	if err := m.patch(ctx, keyOf(repository), string(text)); err != nil {
		return err
	}
	m.read[keyOf(repository)] = string(text)
	return nil
}

// forget removes the record of a repository that is gone.
func (m *marks) forget(ctx context.Context, repository types.NamespacedName) error {
	last, err := m.of(ctx, repository)
	if err != nil || last.Revision == "" {
		return err
	}
	if err := m.patch(ctx, keyOf(repository), nil); err != nil {
		return err
	}
	delete(m.read, keyOf(repository))
	return nil
}

// patch writes one key; nil removes it.
func (m *marks) patch(ctx context.Context, key string, value any) error {
	body, err := json.Marshal(map[string]any{"data": map[string]any{key: value}})
	if err != nil {
		return err
	}
	stored := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: m.namespace, Name: marksName}}
	if err := m.client.Patch(ctx, stored, client.RawPatch(types.MergePatchType, body), client.FieldOwner(FieldOwner)); err != nil {
		return fmt.Errorf("record what is posted about what is above the courses: %w", err)
	}
	return nil
}
