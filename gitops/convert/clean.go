package convert

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// byTheServer are the fields of metadata that an API server sets. A manifest taken
// from a cluster contains them.
var byTheServer = []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// byTheApplier are labels and annotations that record what applied an object, and
// from where. They would be wrong on the converted object.
var byTheApplier = []string{
	"kubectl.kubernetes.io/last-applied-configuration",
	"kustomize.toolkit.fluxcd.io/name",
	"kustomize.toolkit.fluxcd.io/namespace",
}

// clean removes from an object the fields that its author did not write.
func clean(o object) {
	remove(o.YNode(), "status")
	if metadata := o.spot("metadata").node; metadata != nil && metadata.Kind == yaml.MappingNode {
		for _, field := range byTheServer {
			remove(metadata, field)
		}
		for _, kind := range []string{"labels", "annotations"} {
			dropApplier(metadata, kind)
		}
	}
	if pod := o.spot("spec.template.metadata").node; pod != nil && pod.Kind == yaml.MappingNode {
		remove(pod, "creationTimestamp")
		if len(pod.Content) == 0 {
			remove(o.spot("spec.template").node, "metadata")
		}
	}
}

// dropApplier removes the labels or annotations that record what applied an object.
func dropApplier(metadata *yaml.Node, kind string) {
	_, marks := child(metadata, kind)
	if marks == nil || marks.Kind != yaml.MappingNode {
		return
	}
	before := len(marks.Content)
	for _, name := range byTheApplier {
		remove(marks, name)
	}
	if len(marks.Content) == 0 && before > 0 {
		remove(metadata, kind)
	}
}
