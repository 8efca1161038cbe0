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

// maxExpanded is how many nodes a file may have with each alias written out.
const maxExpanded = 1 << 20

// guarded keeps files from kustomize that it would not survive: it follows an anchor
// that is part of itself until the stack ends, which nothing can catch, and writes
// out as many copies as a few lines of aliases of aliases ask for.
type guarded struct{ *tree.FileSystem }

// ReadFile reads a file.
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

// finite makes sure that the aliases of YAML, and of YAML that is written in text of
// it, come to an end. What is no YAML is for others to say.
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

// expansion counts nodes with each alias written out.
type expansion struct {
	// sizes are those of anchors; 0 while one is looked at.
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
