package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// source is a file split into documents.
type source struct {
	path, relative string
	documents      []*document
}

// document is one document of a file. Unless changed is set, it is written byte for
// byte as it was read.
type document struct {
	source *source
	// number counts from 1. line is the line of the file at which body begins.
	number, line int
	// marker is the line that separates it from the previous document. It may be
	// empty.
	marker, body string
	// root is the content. It is nil if the document is empty or invalid.
	root    *yaml.RNode
	changed bool
	// comments are the comments that were read, to check that none is lost.
	comments []string
}

// read splits a file into documents. It reports invalid YAML only if the document
// mentions the old kinds.
func (c *conversion) read(file ManifestFile) *source {
	s := &source{path: file.Path, relative: file.Relative, documents: split(string(file.Data))}
	for i, d := range s.documents {
		d.source, d.number = s, i+1
		if !isManifest(file.Path) {
			continue
		}
		if err := d.parse(); err != nil && strings.Contains(d.body, oldGroup) {
			c.problem(d.wrong(err), "it is no YAML: "+err.Error(), "correct it; nothing in this file can be converted before")
		}
	}
	return s
}

// isManifest reports whether a file is a manifest. It decides by the name, as
// kustomize's users do.
func isManifest(path string) bool {
	switch filepath.Ext(path) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return filepath.Base(path) == "Kustomization" || path == Stdin
}

var separator = regexp.MustCompile(`(?m)^---(?:[ \t]*(?:#.*)?\r?(?:\n|\z)|[ \t])`)

// split splits a file at lines that begin with three dashes, which nothing else in
// YAML does.
func split(text string) []*document {
	var all []*document
	line, marker, from := 1, "", 0
	add := func(to int) {
		body := text[from:to]
		if len(all) > 0 || marker != "" || body != "" {
			all = append(all, &document{marker: marker, body: body, line: line})
		}
		line += strings.Count(body, "\n")
	}
	for _, at := range separator.FindAllStringIndex(text, -1) {
		add(at[0])
		marker, from = text[at[0]:at[1]], at[1]
		line += strings.Count(marker, "\n")
	}
	add(len(text))
	return all
}

func (d *document) parse() error {
	var node yaml.Node
	err := yaml.NewDecoder(strings.NewReader(d.body)).Decode(&node)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	d.root = yaml.NewRNode(&node)
	d.comments = commentsOf(&node, nil)
	return nil
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// wrong returns the place of a parser's error. The parser counts lines from the
// beginning of the document.
func (d *document) wrong(err error) place {
	p := place{file: d.source.path, document: d.number, line: d.line}
	if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
		if line, err := strconv.Atoi(found[1]); err == nil {
			p.line += line - 1
		}
	}
	return p
}

// objects returns the object of a document, or the objects of a List.
func (d *document) objects() []object {
	root := object{RNode: yaml.NewRNode(d.root.YNode()), document: d}
	if root.YNode() == nil || root.YNode().Kind != yaml.MappingNode {
		return nil
	}
	if !strings.HasSuffix(root.text("kind"), "List") {
		return []object{root}
	}
	items := root.spot("items").node
	if items == nil || items.Kind != yaml.SequenceNode {
		return []object{root}
	}
	if group, _ := root.groupVersion(); group == oldGroup {
		// UserlandList and TemplateList can't be applied, but a List can.
		root.set("apiVersion", "v1")
		root.set("kind", "List")
	}
	var all []object
	for i, item := range items.Content {
		if item.Kind == yaml.MappingNode {
			all = append(all, object{RNode: yaml.NewRNode(item), document: d, path: fmt.Sprintf("items[%d].", i)})
		}
	}
	return all
}

// encode joins the documents of a file.
func (s *source) encode() ([]byte, error) {
	var out bytes.Buffer
	for _, d := range s.documents {
		out.WriteString(d.marker)
		text := d.body
		if d.changed {
			var err error
			if text, err = d.encode(); err != nil {
				return nil, err
			}
		}
		out.WriteString(text)
	}
	return out.Bytes(), nil
}

func (d *document) encode() (string, error) {
	if isJSON(d.body) {
		return encodeJSON(d.root.YNode())
	}
	var out bytes.Buffer
	style := yaml.SequenceIndentStyle(yaml.DeriveSeqIndentStyle(d.body))
	encoder := yaml.NewEncoderWithOptions(&out, &yaml.EncoderOptions{SeqIndent: style})
	if err := encoder.Encode(d.root.Document()); err != nil {
		return "", fmt.Errorf("write document %d: %w", d.number, err)
	}
	text := restoreLayout(d.body, out.String())
	if err := d.checkComments(text); err != nil {
		return "", err
	}
	if strings.Contains(d.body, "\r\n") {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	return text, nil
}
