package convert

import (
	"fmt"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/core/roster"
)

// userland holds the parts of a Userland that adopting its objects needs.
type userland struct {
	object
	// oldName is the name by which the Userland's existing objects are called.
	namespace, oldName, newName, templateName string
	// template is the Template of the Userland. It is nil if the inputs do not
	// contain it.
	template *template
}

func (c *conversion) convertUserland(o object) {
	clean(o)
	c.checkName(o)
	u := &userland{object: o, namespace: c.namespaceOf(o), oldName: o.text("metadata.name"), templateName: o.text("spec.templateName")}
	c.rename(u)
	c.dropSpecName(o)
	if o.text("spec.enabled") == "false" {
		c.note(o.placeOf("spec.enabled"), "the old controller ran it all the same; Carrel stops the carrel and keeps its volumes")
	}
	if o.partial {
		return
	}
	if u.templateName == "" {
		c.note(o.placeOf("spec.templateName"), "it names no Template, so the old controller made nothing of it; Carrel gives it that of the Course")
	}
	c.userlands = append(c.userlands, u)
	c.verifyUserland(o)
}

// rename gives a Userland a valid name and records the user in spec.user. The
// predecessor identified its users by the name of the object.
func (c *conversion) rename(u *userland) {
	u.newName = u.oldName
	if u.oldName == "" || roster.ValidUserlandName(u.oldName) {
		return
	}
	u.newName = roster.UserlandName(u.oldName)
	u.set("metadata.name", u.newName)
	c.note(u.placeOf("metadata.name"), fmt.Sprintf("%q can't be a Userland's name, which becomes a host name: it is %s now, and spec.user says who it is", u.oldName, u.newName))
	spec := u.spot("spec").node
	if spec == nil || spec.Kind != yaml.MappingNode {
		remove(u.YNode(), "spec")
		spec = &yaml.Node{Kind: yaml.MappingNode}
		put(u.YNode(), false, "spec", spec)
	}
	put(spec, true, "user", textNode(u.oldName))
}

// dropSpecName removes spec.Name, a field of v1alpha2 that was never used.
func (c *conversion) dropSpecName(o object) {
	const field = "Name"
	if name := o.spot("spec." + field); name.key != nil {
		c.note(name.place, "the old controller never looked at it and Carrel has no such field: removed")
		remove(o.spot("spec").node, field)
	}
}

// templateOf returns the Template that a Userland names, or nil.
func (c *conversion) templateOf(u *userland) *template {
	for _, t := range c.templates {
		if t.name == u.templateName && (t.namespace == u.namespace || t.namespace == "") {
			return t
		}
	}
	return nil
}
