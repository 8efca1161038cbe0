package convert

import (
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// object is a Kubernetes object, or a patch for one.
type object struct {
	*yaml.RNode
	document *document
	// path is the path of the object in its document. It is empty or ends in a dot.
	path string
	// partial is true for a patch, which need not have every field.
	partial bool
}

func (o object) groupVersion() (group, version string) {
	group, version, found := strings.Cut(o.text("apiVersion"), "/")
	if !found {
		return "", group
	}
	return group, version
}

// spot is a field of an object. The field need not exist.
type spot struct {
	place
	// key is the name of the field and node its content. They are nil if the field
	// does not exist.
	key, node *yaml.Node
}

// spot finds a field by its path. If the field does not exist, the line is that of
// its nearest parent.
func (o object) spot(path string) spot {
	s := spot{place: place{file: o.document.source.path, document: o.document.number, field: o.path + path}}
	node, line := o.YNode(), o.YNode().Line
	var key *yaml.Node
	for step := range strings.SplitSeq(strings.ReplaceAll(path, "[", ".["), ".") {
		if node != nil && node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		key, node = child(node, step)
		for _, n := range []*yaml.Node{node, key} {
			if n != nil && n.Line > 0 {
				line = n.Line
			}
		}
		if node == nil {
			break
		}
	}
	s.key, s.node = key, node
	if line > 0 {
		s.line = o.document.line + line - 1
	}
	return s
}

// placeOf returns the place of a field.
func (o object) placeOf(path string) place { return o.spot(path).place }

// text returns the value of a scalar field. It returns "" if the field does not
// exist or is not a scalar.
func (o object) text(path string) string {
	if node := o.spot(path).node; node != nil && node.Kind == yaml.ScalarNode && node.Tag != yaml.NodeTagNull {
		return node.Value
	}
	return ""
}

// has reports whether a field exists and is not null.
func (o object) has(path string) bool {
	node := o.spot(path).node
	return node != nil && node.Tag != yaml.NodeTagNull
}

// set changes the value of an existing field and keeps its comments.
func (o object) set(path, value string) {
	node := o.spot(path).node
	node.Value = value
	node.Tag = yaml.NodeTagString
}

// child returns the key and the value to which a step of a path leads.
func child(node *yaml.Node, step string) (key, value *yaml.Node) {
	if node == nil {
		return nil, nil
	}
	if index, isIndex := indexOf(step); isIndex {
		if node.Kind == yaml.SequenceNode && index < len(node.Content) {
			return nil, node.Content[index]
		}
		return nil, nil
	}
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == step {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

// indexOf parses a step such as [3].
func indexOf(step string) (index int, isIndex bool) {
	number, isIndex := strings.CutPrefix(step, "[")
	if !isIndex {
		return 0, false
	}
	index, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
	return index, err == nil
}

// put adds a field at the beginning or the end of a mapping.
func put(mapping *yaml.Node, atFront bool, key string, value *yaml.Node) {
	field := []*yaml.Node{{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: key}, value}
	if !atFront || len(mapping.Content) == 0 {
		mapping.Content = append(mapping.Content, field...)
		return
	}
	// A comment above the first field belongs to the whole mapping.
	first := mapping.Content[0]
	field[0].HeadComment, first.HeadComment = first.HeadComment, ""
	mapping.Content = append(field, mapping.Content...)
}

func textNode(value string) *yaml.Node { return yaml.NewStringRNode(value).YNode() }

func numberNode(value int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: strconv.Itoa(value)}
}

// remove removes a field from a mapping. It moves the field's comments to the next
// field, or to the previous one if it was the last.
func remove(mapping *yaml.Node, key string) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value != key {
			continue
		}
		comments := strings.Join(commentsOf(mapping.Content[i+1], commentsOf(mapping.Content[i], nil)), "\n")
		mapping.Content = slices.Delete(mapping.Content, i, i+2)
		switch {
		case comments == "":
		case i < len(mapping.Content):
			next := mapping.Content[i]
			next.HeadComment = join(comments, next.HeadComment)
		case i > 0:
			before := mapping.Content[i-2]
			before.FootComment = join(before.FootComment, comments)
		default:
			mapping.HeadComment = join(mapping.HeadComment, comments)
		}
		return
	}
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// fields returns the names of a mapping's fields.
func fields(mapping *yaml.Node) (names []string) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		names = append(names, mapping.Content[i].Value)
	}
	return names
}
