package check

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func findBuild(s *subject) (found []Finding) {
	for _, one := range s.applied {
		if one.Err != nil {
			found = append(found, Finding{File: s.entry(one.Kustomization), Message: one.Err.Error(), Cure: "make `kustomize build` of the directory succeed"})
		}
	}
	return found
}

func findSchema(s *subject) (found []Finding) {
	for _, o := range s.objects {
		for _, fault := range o.errs {
			found = append(found, s.at(o, fault.path, fault.message, "see docs/api-reference.md, or kubectl explain"))
		}
	}
	return found
}

func findCourseName(s *subject) (found []Finding) {
	for _, o := range s.ours("Course") {
		if o.GetName() != o.GetNamespace() {
			found = append(found, s.at(o, "metadata.name",
				fmt.Sprintf("the Course %s is in the namespace %s, which holds exactly one Course, of its own name", o.GetName(), o.GetNamespace()),
				fmt.Sprintf("rename the Course to %s", o.GetNamespace())))
		}
	}
	return found
}

const containers = "spec.template.spec.containers"

func findImage(s *subject) (found []Finding) {
	for _, o := range s.objects {
		for _, list := range []string{containers, "spec.template.spec.initContainers"} {
			all, _, _ := unstructured.NestedSlice(o.Object, strings.Split(list, ".")...)
			for i, one := range all {
				c, _ := one.(map[string]any)
				image, _ := c["image"].(string)
				if why := unpinned(image); why != "" {
					found = append(found, s.at(o, index(list, i)+".image", fmt.Sprintf("the image %s %s", image, why), "name a version, or a digest (@sha256:...)"))
				}
			}
		}
	}
	return found
}

// unpinned says why an image may be another one tomorrow.
func unpinned(image string) string {
	name := image[strings.LastIndex(image, "/")+1:]
	switch {
	case image == "" || strings.Contains(name, "@"):
		return ""
	case !strings.Contains(name, ":"):
		return "has no tag"
	case strings.HasSuffix(name, ":latest"):
		return "is whatever is the latest"
	default:
		return ""
	}
}

const enforce = "pod-security.kubernetes.io/enforce"

func findPodSecurity(s *subject) (found []Finding) {
	for _, o := range s.objects {
		if o.GetKind() != "Namespace" || o.GroupVersionKind().Group != "" || s.classes[o.GetName()].Course == nil {
			continue
		}
		switch level := o.GetLabels()[enforce]; level {
		case "":
			found = append(found, s.at(o, "metadata.labels", "the namespace enforces no Pod Security level", "label it "+enforce+": restricted"))
		case "privileged":
			found = append(found, s.at(o, "metadata.labels["+enforce+"]", "the namespace lets Templates do anything on the node", "label it "+enforce+": restricted, or baseline"))
		}
	}
	return found
}
