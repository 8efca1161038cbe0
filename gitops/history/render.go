package history

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// TemplateVersion is a Template as of one commit.
type TemplateVersion struct {
	// Name is the name of the Template.
	Name string `json:"name"`
	// Images are the images of its containers, in order.
	Images []string `json:"images,omitempty"`
	// Commit is the commit that last changed the Template. It is empty if unknown.
	Commit string `json:"commit,omitempty"`

	digest string
}

// errRemote is returned for a kustomization that refers to something outside the
// repository.
var errRemote = errors.New("it names something outside of the repository, which is not fetched")

// render builds a directory at a commit with kustomize, in memory.
func (r *Repository) render(root plumbing.Hash, directory string) ([]*yaml.Node, error) {
	watch, err := r.watchOf(root, directory)
	if err != nil {
		return nil, err
	}
	files := filesys.MakeFsInMemory()
	for _, p := range watch {
		if err := r.copyOut(root, p, files); err != nil {
			return nil, err
		}
	}
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = types.LoadRestrictionsNone
	built, err := krusty.MakeKustomizer(options).Run(files, path.Join("/", directory))
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", directory, err)
	}
	var all []*yaml.Node
	for _, resource := range built.Resources() {
		node, err := yaml.Parse(resource.MustYaml())
		if err != nil {
			return nil, fmt.Errorf("read what %s builds: %w", directory, err)
		}
		all = append(all, node.YNode())
	}
	return all, nil
}

// copyOut copies files from a commit to the file system that kustomize reads.
func (r *Repository) copyOut(root plumbing.Hash, name string, files filesys.FileSystem) error {
	at, exists, err := r.find(root, name)
	if err != nil || !exists || !at.plain {
		return err
	}
	if at.tree {
		all, err := r.list(at.hash)
		if err != nil {
			return err
		}
		for _, e := range all {
			if err := r.copyOut(root, path.Join(name, e.name), files); err != nil {
				return err
			}
		}
		return nil
	}
	content, err := r.object(plumbing.BlobObject, at.hash)
	if err != nil {
		return err
	}
	if slices.Contains(kustomizationNames, path.Base(name)) && fetches(content) {
		return fmt.Errorf("%s: %w", name, errRemote)
	}
	return files.WriteFile(path.Join("/", name), content)
}

// fetches reports whether kustomize would fetch something from another host.
func fetches(content []byte) bool {
	var node yaml.Node
	return yaml.Unmarshal(content, &node) == nil && hasRemote(&node)
}

func hasRemote(node *yaml.Node) bool {
	if node.Kind == yaml.ScalarNode {
		return !strings.Contains(node.Value, "\n") && isRemote(node.Value)
	}
	for i, child := range node.Content {
		if node.Kind == yaml.MappingNode {
			if i%2 == 0 || slices.Contains([]string{"images", "literals", "options", "patch"}, node.Content[i-1].Value) {
				continue
			}
		}
		if hasRemote(child) {
			return true
		}
	}
	return false
}

// patch replaces the Course and the Userlands by the result of the overlay's
// patches.
func (c *classReader) patch(directory string) error {
	nodes, err := c.repository.render(c.root, directory)
	if err != nil {
		return err
	}
	places := map[string]manifest{}
	for _, m := range c.userlands {
		places[m.Metadata.Name] = m
	}
	var built manifests
	for _, node := range nodes {
		built.add(node)
	}
	c.userlands = nil
	for _, m := range built.all {
		if m.Kind == "Course" {
			// kustomize changed the names of the rosters; keep the names in git.
			if c.course != nil {
				m.Spec.Rosters = c.course.Spec.Rosters
			}
			c.course = &m
			continue
		}
		m.file, m.line = directory, 0
		if source, is := places[m.Metadata.Name]; is {
			m.file, m.line = source.file, source.line
		}
		c.userlands = append(c.userlands, m)
	}
	return nil
}

// templates returns the Templates that a directory builds at a commit, by name.
func (r *Repository) templates(root plumbing.Hash, directory string) (map[string]TemplateVersion, error) {
	watch, err := r.watchOf(root, directory)
	if err != nil {
		return nil, err
	}
	var key strings.Builder
	for _, p := range watch {
		at, _, err := r.find(root, p)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&key, "%s %s\n", p, at.hash)
	}
	if known, is := r.rendered[key.String()]; is {
		return known, nil
	}
	found := map[string]TemplateVersion{}
	nodes, err := r.render(root, directory)
	if err == nil {
		for _, node := range nodes {
			addTemplate(found, node)
		}
	}
	// Flux does not apply what kustomize refuses, so the former Templates stay.
	r.rendered[key.String()] = found
	return found, nil
}

func addTemplate(all map[string]TemplateVersion, node *yaml.Node) {
	var t struct {
		Kind     string `yaml:"kind"`
		Metadata struct {
			Name string `yaml:"name"`
		} `yaml:"metadata"`
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Image string `yaml:"image"`
					} `yaml:"containers"`
				} `yaml:"spec"`
			} `yaml:"template"`
		} `yaml:"spec"`
	}
	if node.Decode(&t) != nil || t.Kind != "Template" {
		return
	}
	text, err := yaml.Marshal(node)
	if err != nil {
		return
	}
	sum := sha256.Sum256(text)
	found := TemplateVersion{Name: t.Metadata.Name, digest: hex.EncodeToString(sum[:])}
	for _, c := range t.Spec.Template.Spec.Containers {
		found.Images = append(found.Images, c.Image)
	}
	all[found.Name] = found
}
