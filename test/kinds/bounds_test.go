package kinds

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/kustomize/crds"
)

// unbounded are the fields without a limit of their own, with what limits them.
var unbounded = map[string]string{
	".apiVersion": "the API server admits only what it serves",
	".kind":       "the API server admits only what it serves",
	".metadata":   "the API server limits names, labels, and annotations to 256 KiB",

	"Template.spec.template":          "Kubernetes validates a pod, and core/workload limits the spec to 64 KiB",
	"Template.spec.volumes[].pvcSpec": "Kubernetes validates a claim, and core/workload limits the spec to 64 KiB",

	"Course.status.report.digests{}": "the reporter writes digests of one length",
	"Course.status.report.behind{}":  "the reporter writes revisions as Flux records them, a branch and a hash",
}

// Every list, map and string of the kinds has a limit. A teacher, or a program that
// writes a status, can't make an object that costs more than it says.
func TestEveryFieldHasALimit(t *testing.T) {
	names, err := fs.Glob(crds.Files, "*.yaml")
	if err != nil || len(names) != 3 {
		t.Fatalf("the CRDs are %v (%v), want three", names, err)
	}
	used := map[string]bool{}
	for _, name := range names {
		data, err := crds.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(data, crd); err != nil {
			t.Fatal(err)
		}
		for _, version := range crd.Spec.Versions {
			for _, field := range withoutLimit(crd.Spec.Names.Kind, "", version.Schema.OpenAPIV3Schema, used) {
				t.Errorf("%s has no limit: give it maxLength, maxItems, maxProperties, an enum or a format, and a line in docs/limits.md", field)
			}
		}
	}
	for field := range unbounded {
		if !used[field] {
			t.Errorf("%s is excused from having a limit, and there is no such field, or it has one", field)
		}
	}
}

// withoutLimit returns the paths of the fields below one that have no limit.
func withoutLimit(kind, path string, schema *apiextensionsv1.JSONSchemaProps, used map[string]bool) (found []string) {
	for _, excuse := range []string{path, kind + path} {
		if _, excused := unbounded[excuse]; excused {
			used[excuse] = true
			return nil
		}
	}
	if !hasLimit(schema) {
		found = append(found, kind+path)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		found = append(found, withoutLimit(kind, path+"[]", schema.Items.Schema, used)...)
	}
	if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
		found = append(found, withoutLimit(kind, path+"{}", schema.AdditionalProperties.Schema, used)...)
	}
	for name, property := range schema.Properties {
		found = append(found, withoutLimit(kind, path+"."+name, &property, used)...)
	}
	slices.Sort(found)
	return found
}

func hasLimit(schema *apiextensionsv1.JSONSchemaProps) bool {
	switch {
	case schema.XPreserveUnknownFields != nil && *schema.XPreserveUnknownFields:
		return false
	case schema.XIntOrString:
		return len(schema.XValidations) > 0 // a rule says which strings there are
	case schema.Type == "string":
		return schema.MaxLength != nil || len(schema.Enum) > 0 || schema.Format == "date-time"
	case schema.Type == "array":
		return schema.MaxItems != nil
	case schema.AdditionalProperties != nil:
		return schema.MaxProperties != nil
	default:
		return true
	}
}

// The walk finds what has no limit.
func TestWithoutLimit(t *testing.T) {
	schema := &apiextensionsv1.JSONSchemaProps{}
	if err := yaml.Unmarshal([]byte(`
type: object
properties:
  text: {type: string}
  word: {type: string, maxLength: 5}
  choice: {type: string, enum: [a]}
  list: {type: array, maxItems: 2, items: {type: string}}
  more: {type: array, items: {type: object, properties: {deep: {type: string}}}}
  map: {type: object, additionalProperties: {type: string, maxLength: 1}}
  any: {type: object, x-kubernetes-preserve-unknown-fields: true}
  number: {type: integer}
  either: {x-kubernetes-int-or-string: true}
`), schema); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(withoutLimit("Kind", "", schema, map[string]bool{}), " ")
	if want := "Kind.any Kind.either Kind.list[] Kind.map Kind.more Kind.more[].deep Kind.text"; got != want {
		t.Errorf("without a limit are\n%s\nwant\n%s", got, want)
	}
}
