package check

import (
	"fmt"
	"strconv"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/render"
)

// object is an object that Flux applies, with its origin in git.
type object struct {
	*unstructured.Unstructured
	origin render.Origin
	// by is the Kustomization that applies the object. It is nil for an object that
	// a person applies.
	by *kustomizev1.Kustomization
	// errs are the faults for which the API server would refuse the object.
	errs []fault
}

// fault is one invalid field.
type fault struct {
	// path names the field, such as spec.template.spec.containers[0].image. It may
	// be empty.
	path    string
	message string
}

// cure returns advice on how to fix the fault.
func (f fault) cure() string {
	switch {
	case strings.Contains(f.message, "T00:00:00Z"):
		return `put the day into quotes, as "2027-04-12": YAML takes it for a time`
	case strings.Contains(f.message, "and must be text"), strings.Contains(f.message, `must be of type string: "integer"`), strings.Contains(f.message, "of type string") && strings.Contains(f.message, "number"):
		return `put it into quotes`
	case strings.Contains(f.message, "the API server takes at most"):
		return "divide it into several ConfigMaps, or delete the columns that are not read"
	}
	return "see docs/api-reference.md, or kubectl explain"
}

func (o *object) String() string {
	name := o.GetName()
	if o.GetNamespace() != "" {
		name = o.GetNamespace() + "/" + name
	}
	return o.GetKind() + " " + name
}

// findingAt returns a finding about a field of o. Its line is that of the field in
// the file that declares o. If a patch or Flux added the field, the line is that of
// its nearest parent in the file.
func (s *subject) findingAt(o *object, field, message, cure string) Finding {
	f := Finding{File: o.origin.File, Object: o.String(), Message: message, Cure: cure}
	if f.File == "" {
		f.File = s.entry(o.by)
		return f
	}
	if !o.origin.Generated {
		f.Line = s.line(o, field)
	}
	return f
}

// entry returns the directory that a Kustomization builds. Findings name it when no
// better file is known.
func (s *subject) entry(k *kustomizev1.Kustomization) string {
	if k == nil {
		return "clusters/" + s.cluster + "/flux-system"
	}
	return strings.Trim(strings.TrimPrefix(k.Spec.Path, "./"), "/")
}

// document is one document of a YAML file.
type document struct {
	root       *yaml.Node
	kind, name string
}

// line returns the line of a field in the file that declares o. It returns 0 if the
// file does not contain o.
func (s *subject) line(o *object, field string) int {
	var found *document
	for _, d := range s.documents(o.origin.File) {
		switch {
		case d.kind != o.GetKind():
		case d.name == o.GetName():
			return d.line(field)
		// kustomize may have changed the name, for example by a prefix.
		case found == nil || strings.Contains(o.GetName(), d.name):
			found = d
		}
	}
	if found == nil {
		return 0
	}
	return found.line(field)
}

func (s *subject) documents(file string) []*document {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if known, found := s.sources[file]; found {
		return known
	}
	var all []*document
	if data, err := s.tree.ReadFile(file); err == nil {
		decoder := yaml.NewDecoder(strings.NewReader(string(data)))
		for {
			var root yaml.Node
			if decoder.Decode(&root) != nil {
				break
			}
			if len(root.Content) == 0 {
				continue
			}
			d := &document{root: root.Content[0]}
			d.kind, d.name = value(d.root, "kind"), value(d.root, "metadata", "name")
			all = append(all, d)
		}
	}
	s.sources[file] = all
	return all
}

func value(node *yaml.Node, path ...string) string {
	for _, key := range path {
		if node = child(node, key); node == nil {
			return ""
		}
	}
	return node.Value
}

// line returns the line of the field. If the document lacks the field, it returns
// the line of the deepest parent that exists.
func (d *document) line(field string) int {
	node, line := d.root, d.root.Line
	for _, key := range steps(field) {
		if node.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(node.Content); i += 2 {
				if node.Content[i].Value == key {
					line = node.Content[i].Line
				}
			}
		}
		next := child(node, key)
		if next == nil {
			break
		}
		if node.Kind == yaml.SequenceNode {
			line = next.Line
		}
		node = next
	}
	return line
}

func child(node *yaml.Node, key string) *yaml.Node {
	switch node.Kind {
	case yaml.AliasNode:
		return child(node.Alias, key)
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				return node.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(node.Content) {
			return node.Content[i]
		}
	}
	return nil
}

// steps splits a path into keys: spec.hosts[0] gives spec, hosts and 0. A key in
// brackets may contain dots.
func steps(field string) (all []string) {
	for field != "" {
		end := strings.IndexAny(field, ".[")
		if field[0] == '[' {
			field = field[1:]
			end = strings.IndexByte(field, ']')
		}
		if end < 0 {
			return append(all, field)
		}
		if end > 0 {
			all = append(all, field[:end])
		}
		if field[end] != '[' {
			end++
		}
		field = field[end:]
	}
	return all
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
