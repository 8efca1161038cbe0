package convert

import (
	"bytes"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// isJSON reports whether a document must be written as JSON.
func isJSON(body string) bool { return json.Valid([]byte(body)) }

// encodeJSON writes a tree as JSON in the order of its fields.
func encodeJSON(node *yaml.Node) (string, error) {
	var flat, out bytes.Buffer
	if err := writeJSON(&flat, node); err != nil {
		return "", err
	}
	if err := json.Indent(&out, flat.Bytes(), "", "  "); err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return out.String() + "\n", nil
}

func writeJSON(out *bytes.Buffer, node *yaml.Node) error {
	switch node.Kind {
	case yaml.MappingNode:
		return writeList(out, "{}", node.Content, 2)
	case yaml.SequenceNode:
		return writeList(out, "[]", node.Content, 1)
	default:
		var value any
		if err := node.Decode(&value); err != nil {
			return fmt.Errorf("write JSON: %w", err)
		}
		text, err := json.Marshal(value)
		out.Write(text)
		return err
	}
}

// writeList writes nodes between brackets, and those of a mapping in pairs.
func writeList(out *bytes.Buffer, brackets string, nodes []*yaml.Node, size int) error {
	out.WriteByte(brackets[0])
	for i, node := range nodes {
		switch {
		case i == 0:
		case i%size == 0:
			out.WriteByte(',')
		default:
			out.WriteByte(':')
		}
		if err := writeJSON(out, node); err != nil {
			return err
		}
	}
	out.WriteByte(brackets[1])
	return nil
}
