package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// maxExpanded is the maximum number of YAML nodes in a file after all aliases are
// expanded.
const maxExpanded = 1 << 20

// guarded refuses files that would crash kustomize. An anchor that contains itself
// overflows the stack, which can't be recovered. A few lines of nested aliases
// expand to more copies than fit into memory.
type guarded struct{ *tree.FileSystem }

// ReadFile returns the content of a file, or an error if its aliases are unsafe.
func (g guarded) ReadFile(name string) ([]byte, error) {
	data, err := g.FileSystem.ReadFile(name)
	if err != nil || path.Ext(name) == ".csv" {
		return data, err
	}
	if err := finite(data); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.TrimPrefix(name, "/"), err)
	}
	return data, nil
}

// finite returns an error if aliases in YAML, or in YAML inside text values, never
// end or expand too far. It ignores files that are not YAML; others report them.
func finite(data []byte) error {
	if bytes.IndexByte(data, '&') < 0 || bytes.IndexByte(data, '*') < 0 {
		return nil
	}
	for decoder := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var document yaml.Node
		if err := decoder.Decode(&document); errors.Is(err, io.EOF) || err != nil {
			return nil //nolint:nilerr // see above
		}
		e := expansion{sizes: map[*yaml.Node]int{}}
		if e.size(&document); e.err != nil {
			return e.err
		}
	}
}

// expansion counts the nodes of a document with all aliases expanded.
type expansion struct {
	// sizes holds the expanded size of each anchor. It is 0 while the anchor is
	// being counted.
	sizes map[*yaml.Node]int
	err   error
}

func (e *expansion) size(node *yaml.Node) int {
	if e.err != nil {
		return 0
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if known, met := e.sizes[node]; met {
		if known == 0 {
			e.err = fmt.Errorf("line %d: the anchor %s is part of itself", node.Line, node.Anchor)
		}
		return known
	}
	if node.Anchor != "" {
		e.sizes[node] = 0
	}
	sum := 1
	for _, child := range node.Content {
		sum += e.size(child)
	}
	if node.Kind == yaml.ScalarNode && e.err == nil {
		e.err = finite([]byte(node.Value))
	}
	if sum > maxExpanded && e.err == nil {
		e.err = fmt.Errorf("line %d: with each alias written out there would be more than %d values", node.Line, maxExpanded)
	}
	if node.Anchor != "" {
		e.sizes[node] = sum
	}
	return sum
}
