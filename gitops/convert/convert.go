// Package convert rewrites manifests of Carrel's predecessor (Template and Userland
// of esc.k06.in) as Carrel's own. It edits the files in place: comments, order and
// other kinds stay.
//
// The predecessor's controller names its objects <template>-<userland>. It appends
// -svc for the Service and -pvc-<volume> for a volume. The Userland owns all three.
package convert

import (
	"errors"
	"slices"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	oldGroup     = "esc.k06.in"
	templateKind = "Template"
	userlandKind = "Userland"
)

// oldVersions are the versions of the old kinds. They differ in the fields that
// their manifests use, not in the meaning of the fields.
var oldVersions = []string{"v1alpha1", "v1alpha2"}

// Options configure a conversion.
type Options struct {
	// KeepServiceNames keeps the name and the address of each Service, for a proxy
	// other than Carrel's.
	KeepServiceNames bool
	// Namespace is the namespace of Userlands for which neither the manifest nor
	// its kustomization sets one. It is written on claims and old objects only.
	Namespace string
}

// ManifestFile is a file to convert, or a converted one.
type ManifestFile struct {
	// Path is the path by which the user named the file.
	Path string
	// Relative is the path below an output directory.
	Relative string
	Data     []byte
}

// Result is the result of a conversion.
type Result struct {
	// Files are all input files, in their order.
	Files []ManifestFile
	// Converted counts the manifests that were rewritten.
	Converted int
	// Claims is a manifest that records the users of existing volumes. It is nil if
	// there are none.
	Claims []byte
	// Volumes counts the volumes in Claims.
	Volumes int
	// OldObjects lists the Deployments and Services to delete when Carrel takes
	// over. It is nil if there are none.
	OldObjects []byte
	// Notes tell the person who converts what changes for their users.
	Notes []Note
}

// Convert rewrites files. A non-nil error is of type Rejections and holds all that
// were found; the result must then not be used.
func Convert(files []ManifestFile, options Options) (Result, error) {
	c := &conversion{options: options}
	for _, file := range files {
		c.sources = append(c.sources, c.read(file))
	}
	c.overlays = findOverlays(c.sources)
	c.convertAll()
	result := Result{Converted: c.converted}
	for _, s := range c.sources {
		result.Files = append(result.Files, ManifestFile{Path: s.path, Relative: s.relative, Data: c.encode(s)})
	}
	c.adopt(&result)
	if len(c.problems) > 0 {
		return Result{}, c.problems
	}
	result.Notes = c.notes
	return result, nil
}

// conversion is the state of one call of Convert.
type conversion struct {
	options   Options
	sources   []*source
	overlays  overlays
	templates []*template
	userlands []*userland
	converted int
	notes     []Note
	problems  Rejections
}

// convertAll rewrites all objects. It matches Userlands with Templates afterwards,
// because files may come in any order.
func (c *conversion) convertAll() {
	for _, s := range c.sources {
		for _, d := range s.documents {
			c.convertDocument(d)
		}
	}
	for _, u := range c.userlands {
		u.template = c.templateOf(u)
	}
	c.checkRendering()
}

func (c *conversion) convertDocument(d *document) {
	switch {
	case d.root == nil:
		c.noteMention(d)
	case isKustomization(d):
		c.convertKustomization(d)
	default:
		if !c.convertObjects(d) {
			c.noteMention(d)
		}
	}
}

// convertObjects rewrites the object of a document, or the objects of a List. It
// reports whether it found one.
func (c *conversion) convertObjects(d *document) (found bool) {
	for _, o := range d.objects() {
		o.partial = c.overlays.isPatch(d.source.path)
		if c.convertObject(o) {
			found = true
			c.converted++
		}
	}
	d.changed = d.changed || found
	return found
}

func (c *conversion) convertObject(o object) (ours bool) {
	group, version := o.groupVersion()
	if group != oldGroup {
		return false
	}
	if !slices.Contains(oldVersions, version) {
		c.problem(o.placeOf("apiVersion"), "there is no version "+version+" of "+oldGroup, "write one of v1alpha1 and v1alpha2")
		return true
	}
	switch o.text("kind") {
	case templateKind:
		c.convertTemplate(o)
	case userlandKind:
		c.convertUserland(o)
	default:
		c.problem(o.placeOf("kind"), oldGroup+" has no kind "+o.text("kind"), "write Template or Userland, or remove this document")
		return true
	}
	o.set("apiVersion", v1alpha1.SchemeGroupVersion.String())
	return true
}

// encode returns the converted file. If the file can't be written, that is not its
// author's mistake, so the problem names no line.
func (c *conversion) encode(s *source) []byte {
	data, err := s.encode()
	if err != nil {
		var lost *lostCommentError
		if errors.As(err, &lost) {
			c.problem(place{file: s.path, document: lost.document, line: lost.line}, err.Error(), "move the comment to a line of its own above a field")
			return nil
		}
		c.problem(place{file: s.path}, err.Error(), "")
	}
	return data
}
