package convert

import (
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// object is one Kubernetes object, or a patch for one.
type object struct {
	*yaml.RNode
	document *document
	// path is where in the document it is; empty or ending in a dot.
	path string
	// partial is set for a patch, which need not have every field.
	partial bool
}

func (o object) groupVersion() (group, version string) {
	group, version, found := strings.Cut(o.text("apiVersion"), "/")
	if !found {
		return "", group
	}
	return group, version
}

// spot is a field of an object, there or not.
type spot struct {
	place
	// key is the name of the field, node its content; nil if it is not there.
	key, node *yaml.Node
}

// spot finds a field by its path. Of one that is not there the line is that of
// the nearest one above it.
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

// at is where a field is.
func (o object) at(path string) place { return o.spot(path).place }

// text is the content of a field that is a scalar; else, and where there is no
// such field, it is empty.
func (o object) text(path string) string {
	if node := o.spot(path).node; node != nil && node.Kind == yaml.ScalarNode && node.Tag != yaml.NodeTagNull {
		return node.Value
	}
	return ""
}

// has reports whether a field is there and not null.
func (o object) has(path string) bool {
	node := o.spot(path).node
	return node != nil && node.Tag != yaml.NodeTagNull
}

// set gives a field that is there another content, and leaves its comments.
func (o object) set(path, value string) {
	node := o.spot(path).node
	node.Value = value
	node.Tag = yaml.NodeTagString
}

// child is what a step of a path leads to.
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

// indexOf reads a step such as [3].
func indexOf(step string) (index int, isIndex bool) {
	number, isIndex := strings.CutPrefix(step, "[")
	if !isIndex {
		return 0, false
	}
	index, err := strconv.Atoi(strings.TrimSuffix(number, "]"))
	return index, err == nil
}

// put adds a field to a mapping, at the beginning, or at the end.
func put(mapping *yaml.Node, atFront bool, key string, value *yaml.Node) {
	field := []*yaml.Node{{Kind: yaml.ScalarNode, Tag: yaml.NodeTagString, Value: key}, value}
	if !atFront || len(mapping.Content) == 0 {
		mapping.Content = append(mapping.Content, field...)
		return
	}
	// What is said above the first field is said of all of them.
	first := mapping.Content[0]
	field[0].HeadComment, first.HeadComment = first.HeadComment, ""
	mapping.Content = append(field, mapping.Content...)
}

func textNode(value string) *yaml.Node { return yaml.NewStringRNode(value).YNode() }

func numberNode(value int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: yaml.NodeTagInt, Value: strconv.Itoa(value)}
}

// remove takes a field from a mapping, and gives what comments there were in it
// to the next field, or to the one before.
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

// fields are the names of a mapping's fields.
func fields(mapping *yaml.Node) (names []string) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		names = append(names, mapping.Content[i].Value)
	}
	return names
}
