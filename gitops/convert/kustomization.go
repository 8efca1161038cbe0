package convert

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

var kustomizationNames = []string{"kustomization.yaml", "kustomization.yml", "Kustomization"}

// overlays holds the settings of the kustomizations among the inputs that affect
// the conversion.
type overlays struct {
	// namespaces holds the namespace set in each directory.
	namespaces map[string]string
	// patches are the paths of files that contain patches.
	patches map[string]bool
	// renaming are the places of settings that change names.
	renaming []place
}

func isKustomization(d *document) bool {
	return d.root != nil && slices.Contains(kustomizationNames, filepath.Base(d.source.path))
}

func findOverlays(sources []*source) overlays {
	found := overlays{namespaces: map[string]string{}, patches: map[string]bool{}}
	for _, s := range sources {
		for _, d := range s.documents {
			if isKustomization(d) {
				found.add(object{RNode: yaml.NewRNode(d.root.YNode()), document: d})
			}
		}
	}
	return found
}

func (f *overlays) add(o object) {
	directory := filepath.ToSlash(filepath.Dir(o.document.source.path))
	if namespace := o.text("namespace"); namespace != "" {
		f.namespaces[directory] = namespace
	}
	for _, field := range []string{"namePrefix", "nameSuffix"} {
		if o.text(field) != "" {
			f.renaming = append(f.renaming, o.placeOf(field))
		}
	}
	for _, field := range []string{"patches", "patchesStrategicMerge", "patchesJson6902"} {
		list := o.spot(field).node
		if list == nil {
			continue
		}
		for i := range list.Content {
			entry := fmt.Sprintf("%s[%d]", field, i)
			for _, file := range []string{o.text(entry), o.text(entry + ".path")} {
				if file != "" && !strings.Contains(file, "\n") {
					f.patches[path.Join(directory, file)] = true
				}
			}
		}
	}
}

func (f *overlays) isPatch(file string) bool { return f.patches[path.Clean(filepath.ToSlash(file))] }

// namespaceOf returns the namespace in which an object is applied, as far as the
// inputs show.
func (c *conversion) namespaceOf(o object) string {
	if namespace := o.text("metadata.namespace"); namespace != "" {
		return namespace
	}
	for directory := path.Dir(filepath.ToSlash(o.document.source.path)); ; directory = path.Dir(directory) {
		if namespace, found := c.overlays.namespaces[directory]; found {
			return namespace
		}
		if directory == path.Dir(directory) {
			return c.options.Namespace
		}
	}
}

// checkRendering refuses overlays that change names, because volumes are found by
// name.
func (c *conversion) checkRendering() {
	if len(c.userlands) == 0 && len(c.templates) == 0 {
		return
	}
	for _, at := range c.overlays.renaming {
		c.problem(at, "it changes the names in these files, and with them those of Services and volumes",
			"convert what comes out of it: kustomize build "+filepath.Dir(at.file)+" | carrel convert -")
	}
}

// convertKustomization changes selectors of the old kinds to the new ones, and
// rewrites inline patches.
func (c *conversion) convertKustomization(d *document) {
	o := object{RNode: yaml.NewRNode(d.root.YNode()), document: d}
	d.changed = retarget(o.YNode())
	for _, field := range []string{"patches", "patchesStrategicMerge"} {
		list := o.spot(field).node
		if list == nil {
			continue
		}
		for i := range list.Content {
			for _, patch := range []string{fmt.Sprintf("%s[%d]", field, i), fmt.Sprintf("%s[%d].patch", field, i)} {
				if c.convertInline(o, patch) {
					d.changed = true
				}
			}
		}
	}
}

// retarget rewrites each selector of the old group below a node. It reports whether
// there was one.
func retarget(node *yaml.Node) (changed bool) {
	if _, group := child(node, "group"); group != nil && group.Value == oldGroup {
		group.Value = v1alpha1.SchemeGroupVersion.Group
		if _, version := child(node, "version"); version != nil && slices.Contains(oldVersions, version.Value) {
			version.Value = v1alpha1.SchemeGroupVersion.Version
		}
		changed = true
	}
	for _, below := range node.Content {
		changed = retarget(below) || changed
	}
	return changed
}

// convertInline rewrites a patch that is text in a kustomization.
func (c *conversion) convertInline(o object, field string) bool {
	at := o.spot(field)
	if at.node == nil || at.node.Kind != yaml.ScalarNode || !strings.Contains(at.node.Value, oldGroup) {
		return false
	}
	d := &document{source: o.document.source, number: o.document.number, line: at.line, body: at.node.Value}
	if at.node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		d.line++
	}
	if err := d.parse(); err != nil {
		c.problem(d.wrong(err), "the patch is no YAML: "+err.Error(), "correct it")
		return false
	}
	for _, patch := range d.objects() {
		patch.partial = true
		if c.convertObject(patch) {
			c.converted++
			d.changed = true
		}
	}
	text, err := d.encode()
	if err != nil {
		c.problem(at.place, err.Error(), "move the comment to a line of its own above a field")
		return false
	}
	at.node.Value = text
	return d.changed
}

// noteMention adds a note for a document that mentions the old kinds but stays
// unchanged.
func (c *conversion) noteMention(d *document) {
	before, _, found := strings.Cut(d.body, oldGroup)
	if !found {
		return
	}
	at := place{file: d.source.path, document: d.number, line: d.line + strings.Count(before, "\n")}
	c.note(at, "it speaks of "+oldGroup+" and is left as it is: a role or a proxy needs carrel.dev too (docs/moving.md)")
}
