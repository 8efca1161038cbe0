package render

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// objectOf returns kustomize's resource as a client of the API server decodes it.
func objectOf(r *resource.Resource) (*unstructured.Unstructured, error) {
	if content, plain := plainValue(r.YNode()); plain {
		if fields, ok := content.(map[string]any); ok && fields["kind"] != nil {
			return &unstructured.Unstructured{Object: fields}, nil
		}
	}
	data, err := r.MarshalJSON()
	if err != nil {
		return nil, err
	}
	object := &unstructured.Unstructured{}
	return object, object.UnmarshalJSON(data)
}

// plainValue decodes YAML directly. kustomize converts it to JSON by writing and
// parsing it twice. plain is false for values on which decoders disagree: anchors,
// floating point numbers, dates, binary data, numbers with anything but digits, and
// folded text.
func plainValue(node *yaml.Node) (value any, plain bool) {
	if node == nil || node.Anchor != "" {
		return nil, false
	}
	switch node.Kind {
	case yaml.MappingNode:
		return plainFields(node)
	case yaml.SequenceNode:
		items := make([]any, len(node.Content))
		for i, item := range node.Content {
			if items[i], plain = plainValue(item); !plain {
				return nil, false
			}
		}
		return items, true
	case yaml.ScalarNode:
		return plainScalar(node)
	default:
		return nil, false
	}
}

func plainFields(node *yaml.Node) (any, bool) {
	fields := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if key.Kind != yaml.ScalarNode || key.Anchor != "" || key.ShortTag() != yaml.NodeTagString {
			return nil, false
		}
		value, plain := plainValue(node.Content[i+1])
		if _, twice := fields[key.Value]; twice || !plain {
			return nil, false
		}
		fields[key.Value] = value
	}
	return fields, true
}

func plainScalar(node *yaml.Node) (any, bool) {
	switch node.ShortTag() {
	case yaml.NodeTagString:
		return node.Value, keepsText(node)
	case yaml.NodeTagBool:
		return node.Value == "true", node.Value == "true" || node.Value == "false"
	case yaml.NodeTagInt:
		number, err := strconv.ParseInt(node.Value, 10, 64)
		return number, err == nil && strconv.FormatInt(number, 10) == node.Value
	default:
		return nil, false
	}
}

// keepsText reports whether text stays the same when it is written and read. Folded
// text gains and loses newlines, and text with blanks at its edges may too.
func keepsText(node *yaml.Node) bool {
	text := node.Value
	if node.Style&yaml.FoldedStyle != 0 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; c != '\n' && (c < ' ' || c > '~') {
			return false
		}
	}
	lines := strings.TrimSuffix(text, "\n")
	return !strings.Contains(text, "\n") || lines != "" && lines == strings.Trim(lines, " \n")
}
