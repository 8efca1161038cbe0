package history

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// manifests are the Courses and Userlands in a YAML file.
type manifests struct {
	all     []manifest
	problem string
}

// manifestsOf reads a file. It reads each content once, even if many commits
// contain it.
func (r *Repository) manifestsOf(file located) (*manifests, error) {
	return parse(r, file, r.manifests, parseManifests)
}

// rosterOf reads a file as a roster, once for each content. It has its own cache,
// because one file may be read both ways: an empty roster is valid YAML.
func (r *Repository) rosterOf(file located) (roster.Roster, error) {
	return parse(r, file, r.rosters, func(content []byte) roster.Roster { return roster.Read(roster.File{Data: content}) })
}

func parse[T any](r *Repository, file located, known map[plumbing.Hash]T, as func([]byte) T) (T, error) {
	if parsed, is := known[file.hash]; is {
		return parsed, nil
	}
	content, err := r.object(plumbing.BlobObject, file.hash)
	if err == nil {
		known[file.hash] = as(content)
	}
	return known[file.hash], err
}

// manifest holds the fields of a Course or Userland that the history reports.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name        string            `yaml:"name"`
		Annotations map[string]string `yaml:"annotations"`
	} `yaml:"metadata"`
	Spec struct {
		Title        string `yaml:"title"`
		TemplateName string `yaml:"templateName"`
		User         string `yaml:"user"`
		Section      string `yaml:"section"`
		Enabled      *bool  `yaml:"enabled"`
		Rosters      []struct {
			ConfigMap string `yaml:"configMap"`
		} `yaml:"rosters"`
	} `yaml:"spec"`

	file string
	line int
}

// pruneAnnotation, if "disabled", makes Flux keep an object that is removed from
// git.
const pruneAnnotation = "kustomize.toolkit.fluxcd.io/prune"

func (m manifest) carrel(template string) Declaration {
	c := Declaration{
		User: m.Spec.User, Userland: m.Metadata.Name, Name: m.Metadata.Annotations[v1alpha1.NameAnnotation],
		Template: template, Section: m.Spec.Section, Enabled: m.Spec.Enabled == nil || *m.Spec.Enabled, File: m.file, Line: m.line,
		stays: m.Metadata.Annotations[pruneAnnotation] == "disabled",
	}
	if c.User == "" {
		c.User = m.Metadata.Name
	}
	if m.Spec.TemplateName != "" {
		c.Template = m.Spec.TemplateName
	}
	return c
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
	// The original system's kinds have the same fields, so the history covers a
	// class from before the migration too.
	ours := []string{v1alpha1.SchemeGroupVersion.String(), "esc.k06.in/v1alpha1", "esc.k06.in/v1alpha2"}
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
	if (head.Kind != "Course" && head.Kind != "Userland") || !slices.Contains(ours, head.APIVersion) {
		return
	}
	var m manifest
	if err := node.Decode(&m); err != nil {
		p.problem = err.Error()
		return
	}
	m.line = node.Line
	p.all = append(p.all, m)
}

// kustomization holds the fields of a kustomization that decide which students a
// class has.
type kustomization struct {
	Resources          []string    `yaml:"resources"`
	Bases              []string    `yaml:"bases"`
	Components         []string    `yaml:"components"`
	ConfigMapGenerator []generator `yaml:"configMapGenerator"`
	Patches            []struct {
		Path string `yaml:"path"`
	} `yaml:"patches"`
	StrategicMerge []string `yaml:"patchesStrategicMerge"`
	JSON6902       []any    `yaml:"patchesJson6902"`
	Replacements   []any    `yaml:"replacements"`
	Transformers   []string `yaml:"transformers"`
	NamePrefix     string   `yaml:"namePrefix"`
	NameSuffix     string   `yaml:"nameSuffix"`

	file, problem string
}

type generator struct {
	Name     string   `yaml:"name"`
	Behavior string   `yaml:"behavior"`
	Files    []string `yaml:"files"`
}

// patches reports whether the kustomization changes the resources it selects.
func (k *kustomization) patches() bool {
	return len(k.Patches)+len(k.StrategicMerge)+len(k.JSON6902)+len(k.Replacements)+len(k.Transformers) > 0 || k.NamePrefix+k.NameSuffix != ""
}

// paths returns the paths to which the kustomization refers.
func (k *kustomization) paths() []string {
	all := slices.Concat(k.Resources, k.Bases, k.Components)
	for _, g := range k.ConfigMapGenerator {
		for _, source := range g.Files {
			if i := bytes.IndexByte([]byte(source), '='); i >= 0 {
				source = source[i+1:]
			}
			all = append(all, source)
		}
	}
	for _, p := range k.Patches {
		if p.Path != "" {
			all = append(all, p.Path)
		}
	}
	return all
}

// remote matches resources that kustomize would fetch from another host.
var remote = regexp.MustCompile(`^([a-z+]+::)?[a-z+]+://|^[^/]+@[^/]+:|^(github\.com|gitlab\.com|bitbucket\.org)/`)

func isRemote(name string) bool { return remote.MatchString(name) }

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// kustomizationIn returns the kustomization of a directory, or nil if it has none,
// and all entries of the directory.
func (r *Repository) kustomizationIn(tree plumbing.Hash) (*kustomization, []entry, error) {
	all, err := r.list(tree)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(e entry) bool { return e.plain && !e.tree && slices.Contains(kustomizationNames, e.name) })
	if i < 0 {
		return nil, all, nil
	}
	if known := r.kustomizations[all[i].hash]; known != nil {
		return known, all, nil
	}
	content, err := r.object(plumbing.BlobObject, all[i].hash)
	if err != nil {
		return nil, nil, err
	}
	k := &kustomization{file: all[i].name}
	if err := yaml.Unmarshal(content, k); err != nil {
		k.problem = err.Error()
	}
	r.kustomizations[all[i].hash] = k
	return k, all, nil
}
