package class

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// manifests are the Courses and Userlands in a YAML file.
type manifests struct {
	all     []manifest
	problem string
}

// manifest is a Course or a Userland.
type manifest struct {
	course   *v1alpha1.Course
	userland *v1alpha1.Userland
	place    place
}

// groupVersions are the versions of the kinds. Those of the original system have the same
// fields, so the history covers a class from before the migration too.
var groupVersions = []string{v1alpha1.SchemeGroupVersion.String(), "esc.k06.in/v1alpha1", "esc.k06.in/v1alpha2"}

// manifestOf returns an object as a manifest. It is zero for another kind.
func manifestOf(fields map[string]any) (m manifest, err error) {
	if version, _ := fields["apiVersion"].(string); !slices.Contains(groupVersions, version) {
		return manifest{}, nil
	}
	switch fields["kind"] {
	case "Course":
		m.course, err = as[v1alpha1.Course](fields)
	case "Userland":
		m.userland, err = as[v1alpha1.Userland](fields)
	}
	if err != nil {
		return manifest{}, fmt.Errorf("%s: %w", fields["kind"], err)
	}
	return m, nil
}

// manifestsOf reads a file, once for each content.
func (r *Reader) manifestsOf(file located) (*manifests, error) {
	if known, is := r.manifests[file.hash]; is {
		return known, nil
	}
	content, err := r.objects.Read(plumbing.BlobObject, file.hash)
	if err != nil {
		return nil, err
	}
	r.manifests[file.hash] = parseManifests(content)
	return r.manifests[file.hash], nil
}

// parseManifests reads the Courses and Userlands of a file, also those inside
// lists.
func parseManifests(content []byte) *manifests {
	var parsed manifests
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return &parsed
		}
		if err != nil {
			parsed.problem = err.Error()
			return &parsed
		}
		parsed.add(&node)
	}
}

func (p *manifests) add(node *yaml.Node) {
	if node.Kind == yaml.DocumentNode && len(node.Content) == 1 {
		node = node.Content[0]
	}
	var head struct {
		APIVersion string      `yaml:"apiVersion"`
		Kind       string      `yaml:"kind"`
		Items      []yaml.Node `yaml:"items"`
	}
	if node.Decode(&head) != nil {
		return
	}
	if head.Kind == "List" || head.Kind == "UserlandList" {
		for i := range head.Items {
			p.add(&head.Items[i])
		}
		return
	}
	if (head.Kind != "Course" && head.Kind != "Userland") || !slices.Contains(groupVersions, head.APIVersion) {
		return
	}
	fields, err := yaml.NewRNode(node).Map()
	if err != nil {
		p.problem = err.Error()
		return
	}
	m, err := manifestOf(fields)
	if err != nil {
		p.problem = err.Error()
		return
	}
	m.place.line = node.Line
	p.all = append(p.all, m)
}
