package check

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// userlandTexts holds the maximum lengths of the text fields in a Userland's spec.
// The CRD counts characters; isFine counts bytes, which is stricter. A test
// compares the limits with the CRD.
var userlandTexts = map[string]int{"user": 256, "templateName": 63, "section": 63, "team": 63}

// maxUserlandName is the maximum length of a Userland's name, as a rule of the CRD
// sets it.
const maxUserlandName = 50

// isFine reports whether a Userland is valid for certain. It is much faster than
// the CRD's schema, and a class of single files has hundreds of Userlands. False
// means that the schema must decide.
func isFine(o *unstructured.Unstructured) bool {
	if o.GetKind() != "Userland" || o.GetAPIVersion() != "carrel.dev/v1alpha1" {
		return false
	}
	for field, value := range o.Object {
		part, _ := value.(map[string]any)
		switch field {
		case "apiVersion", "kind":
		case "metadata":
			if !fineMetadata(part) {
				return false
			}
		case "spec":
			if !fineSpec(part) {
				return false
			}
		default:
			return false
		}
	}
	return fineName(o.GetName())
}

func fineMetadata(metadata map[string]any) bool {
	for field, value := range metadata {
		switch field {
		case "name", "namespace":
			if _, ok := value.(string); !ok {
				return false
			}
		case "labels", "annotations":
			all, ok := value.(map[string]any)
			if !ok {
				return false
			}
			for _, one := range all {
				if _, ok := one.(string); !ok {
					return false
				}
			}
		default:
			return false
		}
	}
	return true
}

func fineSpec(spec map[string]any) bool {
	for field, value := range spec {
		if field == "enabled" {
			if _, ok := value.(bool); !ok {
				return false
			}
			continue
		}
		text, ok := value.(string)
		if limit, known := userlandTexts[field]; !ok || !known || len(text) > limit {
			return false
		}
	}
	return spec != nil
}

func fineName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return name != "" && len(name) <= maxUserlandName && name == strings.Trim(name, "-") && !strings.Contains(name, "--")
}
