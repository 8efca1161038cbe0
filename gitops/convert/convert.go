// Package convert rewrites the manifests of the system that Carrel follows
// (Template and Userland of esc.k06.in) as Carrel's own. It edits the files as
// they are: comments, order and whatever is not of those kinds stay.
//
// That system's controller names what it makes <template>-<userland>, with -svc
// behind it for the Service and -pvc-<volume> for a volume, and makes the
// Userland the owner of all three.
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

// oldVersions are those the old kinds had; they differ in which fields their
// manifests use, not in what the fields mean.
var oldVersions = []string{"v1alpha1", "v1alpha2"}

// Options say what the converted system is to be like.
type Options struct {
	// KeepServiceNames leaves each Service the name and the address of its own
	// that it had, for a proxy that is not Carrel's.
	KeepServiceNames bool
	// Namespace is that of Userlands whose manifests name none, nor their
	// kustomization. It is written on claims and old objects only.
	Namespace string
}

// File is a file read, or to be written.
type File struct {
	// Path is where it lies, as people named it.
	Path string
	// Relative is where it goes below a directory for the outcome.
	Relative string
	Data     []byte
}

// Result is what came of a conversion.
type Result struct {
	// Files are all that were given, in their order.
	Files []File
	// Converted counts the manifests that were rewritten.
	Converted int
	// Claims is the manifest that makes existing volumes known as their users';
	// nil where there are none.
	Claims []byte
	// Volumes counts the volumes in Claims.
	Volumes int
	// OldObjects lists the Deployments and Services to delete when Carrel takes
	// over; nil where there are none.
	OldObjects []byte
	// Notes are for the person converting: what changes for their users.
	Notes []Note
}

// Convert rewrites files. An error is a Problems, all that were found; then
// nothing of the result is to be used.
func Convert(files []File, options Options) (Result, error) {
	c := &conversion{options: options}
	for _, file := range files {
		c.sources = append(c.sources, c.read(file))
	}
	c.overlays = findOverlays(c.sources)
	c.convertAll()
	result := Result{Converted: c.converted}
	for _, s := range c.sources {
		result.Files = append(result.Files, File{Path: s.path, Relative: s.relative, Data: c.encode(s)})
	}
	c.adopt(&result)
	if len(c.problems) > 0 {
		return Result{}, c.problems
	}
	result.Notes = c.notes
	return result, nil
}

// conversion is one call of Convert on its way.
type conversion struct {
	options   Options
	sources   []*source
	overlays  overlays
	templates []*template
	userlands []*userland
	converted int
	notes     []Note
	problems  Problems
}

// convertAll rewrites Templates before Userlands are looked at, which need them.
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

// convertObjects rewrites the object of a document, or those of a List; it
// reports whether there was one.
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
		c.problem(o.at("apiVersion"), "there is no version "+version+" of "+oldGroup, "write one of v1alpha1 and v1alpha2")
		return true
	}
	switch o.text("kind") {
	case templateKind:
		c.convertTemplate(o)
	case userlandKind:
		c.convertUserland(o)
	default:
		c.problem(o.at("kind"), oldGroup+" has no kind "+o.text("kind"), "write Template or Userland, or remove this document")
		return true
	}
	o.set("apiVersion", v1alpha1.SchemeGroupVersion.String())
	return true
}

// encode is the file as it is to be written. That it can't be written is no
// mistake of its author, so the document stands for all of it.
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
