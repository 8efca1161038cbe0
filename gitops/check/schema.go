package check

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	notificationv1beta3 "github.com/fluxcd/notification-controller/api/v1beta3"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/kustomize/crds"
)

// kind validates objects of one of our kinds as the API server does.
type kind struct {
	structural *schema.Structural
	schema     validation.SchemaValidator
	rules      *cel.Validator
}

// kinds returns our kinds by name. It reads the CRDs once; compiling the CEL rules
// of Template takes most of that time.
var kinds = sync.OnceValues(func() (map[string]*kind, error) {
	names, err := fs.Glob(crds.Files, "*.yaml")
	if err != nil {
		return nil, err
	}
	all := map[string]*kind{}
	for _, name := range names {
		data, err := crds.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		crd := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.Unmarshal(data, crd); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if all[crd.Spec.Names.Kind], err = newKind(crd); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return all, nil
})

func newKind(crd *apiextensionsv1.CustomResourceDefinition) (*kind, error) {
	internal := &apiextensions.CustomResourceValidation{}
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(crd.Spec.Versions[0].Schema, internal, nil); err != nil {
		return nil, err
	}
	structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// known returns a scheme of the other kinds whose fields can be checked.
var known = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientscheme.AddToScheme, kustomizev1.AddToScheme, sourcev1.AddToScheme, notificationv1.AddToScheme, notificationv1beta3.AddToScheme,
		apiextensionsv1.AddToScheme,
	} {
		utilruntime.Must(add(s))
	}
	return s
})

// validate checks an object as the API server does before it stores one, as far as
// that needs no other object. It returns nothing for an unknown kind.
func validate(ctx context.Context, o *unstructured.Unstructured) []fault {
	gvk := o.GroupVersionKind()
	if gvk.Group == v1alpha1.SchemeGroupVersion.Group {
		return validateOurs(ctx, o)
	}
	if !known().Recognizes(gvk) {
		return nil
	}
	typed, err := known().New(gvk)
	if err != nil {
		return []fault{{message: err.Error()}}
	}
	data, err := o.MarshalJSON()
	if err != nil {
		return []fault{{message: err.Error()}}
	}
	strict, err := json.UnmarshalStrict(data, typed)
	if err != nil {
		return []fault{{path: pathIn(err.Error()), message: err.Error()}}
	}
	faults := oversize(typed)
	for _, err := range strict {
		faults = append(faults, fault{path: pathIn(err.Error()), message: err.Error()})
	}
	return faults
}

// oversize returns a fault for a ConfigMap or Secret with more data than the API server
// takes.
func oversize(o runtime.Object) []fault {
	size := 0
	switch o := o.(type) {
	case *corev1.ConfigMap:
		for _, text := range o.Data {
			if size += len(text); len(text) > corev1.MaxSecretSize && o.Labels[v1alpha1.RosterLabel] == "true" {
				return nil // the rule roster reports it, with the file
			}
		}
		for _, data := range o.BinaryData {
			size += len(data)
		}
	case *corev1.Secret:
		for _, data := range o.Data {
			size += len(data)
		}
	}
	if size <= corev1.MaxSecretSize {
		return nil
	}
	return []fault{{"data", fmt.Sprintf("its files have %d bytes together, and the API server takes at most %d", size, corev1.MaxSecretSize)}}
}

// validateOurs checks an object of one of our kinds against its CRD.
func validateOurs(ctx context.Context, o *unstructured.Unstructured) []fault {
	all, err := kinds()
	if err != nil {
		return []fault{{message: err.Error()}}
	}
	if name, _, _ := unstructured.NestedFieldNoCopy(o.Object, "metadata", "name"); name != nil {
		if _, text := name.(string); !text {
			return []fault{{"metadata.name", fmt.Sprintf("the name %v is a number or a date to YAML, and must be text", name)}}
		}
	}
	k := all[o.GetKind()]
	if k == nil || o.GroupVersionKind().Version != v1alpha1.SchemeGroupVersion.Version {
		return []fault{{path: "apiVersion", message: fmt.Sprintf("there is no kind %s in %s", o.GetKind(), o.GetAPIVersion())}}
	}
	var faults []fault
	content := o.DeepCopy().Object
	for _, path := range pruning.PruneWithOptions(content, k.structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		faults = append(faults, fault{path, fmt.Sprintf("unknown field %q", path)})
	}
	defaulting.Default(content, k.structural)
	errs := validation.ValidateCustomResource(nil, content, k.schema)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.structural, content)...)
	if len(errs) == 0 {
		// As in the API server, CEL rules run only on objects of the right types.
		errs, _ = k.rules.Validate(ctx, nil, k.structural, content, nil, celconfig.RuntimeCELCostBudget)
	}
	return append(faults, faultsOf(errs)...)
}

func faultsOf(errs field.ErrorList) (faults []fault) {
	for _, err := range errs {
		path := strings.TrimPrefix(err.Field, "<nil>")
		if path == "" {
			// A rule of the whole object begins its message with the field it
			// means.
			path = mentioned.FindString(err.Error())
		}
		faults = append(faults, fault{path, strings.TrimPrefix(strings.TrimPrefix(err.Error(), "<nil>"), ": ")})
	}
	return faults
}

// mentioned matches a field in the message of a CEL rule.
var mentioned = regexp.MustCompile(`\b(metadata|spec)(\.\w+)+`)

// quoted matches the field that a decoder's message names.
var quoted = regexp.MustCompile(`field "([^"]+)"|field \w+\.([\w.]+) `)

func pathIn(message string) string {
	if found := quoted.FindStringSubmatch(message); found != nil {
		return found[1] + found[2]
	}
	return ""
}
