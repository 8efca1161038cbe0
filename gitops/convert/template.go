package convert

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// template holds the parts of a Template that converting Userlands needs.
type template struct {
	object
	namespace, name string
	volumes         []string
}

// unusedInService is the note for removed fields of spec.service. The old
// controller read only the ports.
const unusedInService = "the old controller never looked at it and Carrel has no such field: removed"

const servicePath = "spec.service"

func (c *conversion) convertTemplate(o object) {
	before := len(c.problems)
	clean(o)
	t := &template{object: o, namespace: c.namespaceOf(o), name: o.text("metadata.name")}
	c.checkName(o)
	c.addService(o)
	if service := o.spot(servicePath).node; service != nil && service.Kind == yaml.MappingNode {
		c.convertService(o, service)
	}
	if volumes := o.spot("spec.volumes").node; volumes != nil {
		for i := range volumes.Content {
			t.volumes = append(t.volumes, c.volume(o, fmt.Sprintf("spec.volumes[%d].name", i)))
		}
	}
	if o.partial {
		return
	}
	c.templates = append(c.templates, t)
	if len(c.problems) == before {
		c.verifyTemplate(o)
	}
}

var volumeName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// volume returns the name of a volume. The name is part of the name of each
// existing claim, so convert must not change it.
func (c *conversion) volume(o object, path string) string {
	name := o.text(path)
	if len(name) > 40 || !volumeName.MatchString(name) {
		c.problem(o.placeOf(path), fmt.Sprintf("%q can't be the name of a volume: at most 40 lower-case letters, digits and single '-'", name),
			"rename it here and in volumeMounts; in the claims written, put the old name back into metadata.name")
	}
	return name
}

// addService adds a service to a Template without one, such as those of v1alpha1.
// It takes the ports of the containers.
func (c *conversion) addService(o object) {
	spec := o.spot("spec").node
	if o.partial || o.has(servicePath+".ports") || spec == nil || spec.Kind != yaml.MappingNode {
		return
	}
	ports := containerPorts(o)
	if len(ports) == 0 {
		c.problem(o.placeOf(servicePath), "no port is named, neither here nor in a container, so nobody could reach the carrel",
			"add spec.service.ports with the port the software listens on")
		return
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i, port := range ports {
		entry := &yaml.Node{Kind: yaml.MappingNode}
		name := port.name
		if name == "" && i == 0 {
			name = "http"
		}
		put(entry, false, "name", textNode(name))
		put(entry, false, "port", numberNode(port.number))
		list.Content = append(list.Content, entry)
	}
	service := &yaml.Node{Kind: yaml.MappingNode}
	put(service, false, "ports", list)
	remove(spec, "service")
	put(spec, false, "service", service)
	c.note(o.placeOf("spec"), "there was no spec.service.ports: made of the ports of the containers; see that the first is the one for browsers")
}

// containerPort is a port that a container declares.
type containerPort struct {
	name   string
	number int
}

func containerPorts(o object) (ports []containerPort) {
	containers := o.spot("spec.template.spec.containers").node
	if containers == nil {
		return nil
	}
	for i, container := range containers.Content {
		_, list := child(container, "ports")
		if list == nil {
			continue
		}
		for j := range list.Content {
			path := fmt.Sprintf("spec.template.spec.containers[%d].ports[%d].", i, j)
			if number, err := strconv.Atoi(o.text(path + "containerPort")); err == nil {
				ports = append(ports, containerPort{name: o.text(path + "name"), number: number})
			}
		}
	}
	return ports
}

func (c *conversion) convertService(o object, service *yaml.Node) {
	for _, name := range fields(service) {
		if name == "ports" {
			continue
		}
		c.note(o.placeOf(servicePath+"."+name), unusedInService)
		remove(service, name)
	}
	ports := o.spot(servicePath + ".ports").node
	if ports == nil {
		return
	}
	for i, port := range ports.Content {
		c.convertPort(o, port, fmt.Sprintf("%s.ports[%d]", servicePath, i), len(ports.Content) == 1)
	}
	switch {
	case c.options.KeepServiceNames && o.partial:
	case c.options.KeepServiceNames:
		put(service, true, "type", textNode(string(v1alpha1.ServiceClusterIP)))
		put(service, true, "name", textNode(oldName(o.text("metadata.name"), "$("+v1alpha1.UserlandEnv+")")+"-svc"))
		c.checkServiceName(o)
	case !c.unmap(o, ports):
		put(service, true, "type", textNode(string(v1alpha1.ServiceClusterIP)))
		c.note(o.placeOf(servicePath+".ports"), "two ports lead to one of the container, which takes a Service with an address of its own: type is ClusterIP")
	}
}

var portName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`)

func (c *conversion) convertPort(o object, port *yaml.Node, path string, only bool) {
	for _, name := range fields(port) {
		if !slices.Contains([]string{"name", "port", "protocol", "targetPort"}, name) {
			c.note(o.placeOf(path+"."+name), "Carrel has no such field: removed")
			remove(port, name)
		}
	}
	name := o.text(path + ".name")
	switch {
	case name == "" && only && !o.partial:
		put(port, true, "name", textNode("http"))
	case name == "" && !o.partial:
		c.problem(o.placeOf(path+".name"), "the port has no name", "name it, http if it is for browsers")
	case name != "" && (len(name) > 15 || !portName.MatchString(name)):
		c.problem(o.placeOf(path+".name"), fmt.Sprintf("%q can't be the name of a port: at most 15 lower-case letters, digits and '-'", name), "shorten it")
	}
	c.resolveTargetPort(o, path)
}

// resolveTargetPort replaces the name of a container's port by its number.
func (c *conversion) resolveTargetPort(o object, path string) {
	at := o.spot(path + ".targetPort")
	if at.node == nil {
		return
	}
	if _, err := strconv.Atoi(at.node.Value); err == nil {
		at.node.Tag, at.node.Style = yaml.NodeTagInt, 0
		return
	}
	for _, port := range containerPorts(o) {
		if port.name == at.node.Value {
			at.node.Value, at.node.Tag, at.node.Style = strconv.Itoa(port.number), yaml.NodeTagInt, 0
			return
		}
	}
	c.problem(at.place, fmt.Sprintf("no container names a port %q", at.node.Value), "write the number of the port")
}

// unmap sets each port to the one on which its container listens, because the name
// of a headless Service resolves to the pod itself. It reports whether that is
// possible.
func (c *conversion) unmap(o object, ports *yaml.Node) bool {
	seen := map[string]bool{}
	for i := range ports.Content {
		path := fmt.Sprintf("%s.ports[%d]", servicePath, i)
		key := cmp.Or(o.text(path+".targetPort"), o.text(path+".port")) + "/" + cmp.Or(o.text(path+".protocol"), "TCP")
		if seen[key] {
			return false
		}
		seen[key] = true
	}
	for i, port := range ports.Content {
		path := fmt.Sprintf("%s.ports[%d]", servicePath, i)
		target, number := o.text(path+".targetPort"), o.spot(path+".port").node
		if _, err := strconv.Atoi(target); err != nil || number == nil {
			continue
		}
		if target != number.Value {
			c.note(o.placeOf(path+".port"), fmt.Sprintf("the port of the Service is now %s instead of %s, that of the container: who connects by its old number needs --keep-service-names",
				target, number.Value))
		}
		number.Value = target
		remove(port, "targetPort")
	}
	return true
}

var servicePattern = regexp.MustCompile(`^[a-z][-a-z0-9]*$`)

// checkServiceName refuses a Template after which no Service can be named. It is
// called with KeepServiceNames only.
func (c *conversion) checkServiceName(o object) {
	if name := o.text("metadata.name"); !servicePattern.MatchString(name) {
		c.problem(o.placeOf("metadata.name"), fmt.Sprintf("a Service can't be named after Template %q, and no Service of that system can have been", name),
			"convert it without --keep-service-names")
	}
}

func (c *conversion) checkName(o object) {
	name := o.text("metadata.name")
	if name == "" && !o.partial {
		c.problem(o.placeOf("metadata.name"), "it has no name", "write metadata.name")
	}
	if o.text("kind") == templateKind && len(name) > 63 {
		c.problem(o.placeOf("metadata.name"), "the name of a Template has at most 63 characters", "shorten it, here and in the Userlands")
	}
}
