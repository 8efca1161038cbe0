package render

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
)

// variables holds the data of ConfigMaps and Secrets in git, by "kind
// namespace/name".
type variables map[string]map[string]string

// hasVariables reports whether a Kustomization reads variables from ConfigMaps or
// Secrets, which must be rendered first.
func hasVariables(k *kustomizev1.Kustomization) bool {
	return k.Spec.PostBuild != nil && len(k.Spec.PostBuild.SubstituteFrom) > 0
}

// add records the data of ConfigMaps and Secrets. It skips encrypted Secrets.
func (v variables) add(objects []*unstructured.Unstructured) {
	for _, o := range objects {
		if kind := o.GetKind(); o.GetAPIVersion() != "v1" || kind != "ConfigMap" && kind != "Secret" {
			continue
		}
		if _, encrypted := o.Object["sops"]; !encrypted {
			v[o.GetKind()+" "+o.GetNamespace()+"/"+o.GetName()] = dataOf(o)
		}
	}
}

func dataOf(o *unstructured.Unstructured) map[string]string {
	data, _, _ := unstructured.NestedStringMap(o.Object, "data")
	all := map[string]string{}
	for key, value := range data {
		if o.GetKind() == "Secret" {
			decoded, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				continue // the rule schema reports it
			}
			value = string(decoded)
		}
		all[key] = value
	}
	plain, _, _ := unstructured.NestedStringMap(o.Object, "stringData")
	maps.Copy(all, plain)
	return all
}

// of returns the variables of a Kustomization, and the ConfigMaps and Secrets that
// are not in git. Only the cluster knows the values in those.
func (v variables) of(k *kustomizev1.Kustomization) (known map[string]string, unknown []string) {
	known = map[string]string{}
	if k.Spec.PostBuild == nil {
		return known, nil
	}
	for _, from := range k.Spec.PostBuild.SubstituteFrom {
		id := from.Kind + " " + k.Namespace + "/" + from.Name
		if _, there := v[id]; !there {
			unknown = append(unknown, id)
		}
		maps.Copy(known, v[id])
	}
	maps.Copy(known, k.Spec.PostBuild.Substitute)
	return known, unknown
}

// errSubstitute is returned for variables that Flux can't expand.
var errSubstitute = errors.New("substitute")

// bare matches a variable without a default value.
var bare = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// substitute expands the variables of a Kustomization, as Flux does. If some
// sources are unknown, variables without a value or default stay unexpanded.
func substitute(ctx context.Context, rendered resmap.ResMap, k *kustomizev1.Kustomization, known map[string]string, unknown []string) error {
	if len(known)+len(unknown) == 0 {
		return nil
	}
	k = k.DeepCopy()
	k.Spec.PostBuild.SubstituteFrom = nil
	for _, one := range rendered.Resources() {
		k.Spec.PostBuild.Substitute = known
		if len(unknown) > 0 {
			k.Spec.PostBuild.Substitute = asWritten(one, known)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(k)
		if err != nil {
			return err
		}
		done, err := kustomize.SubstituteVariables(ctx, nil, unstructured.Unstructured{Object: content}, one, kustomize.SubstituteWithDryRun(true))
		if err != nil {
			return fmt.Errorf("%w in %s: %w", errSubstitute, one.CurId(), err)
		}
		if done != nil {
			if _, err := rendered.Replace(done); err != nil {
				return fmt.Errorf("substitute in %s: %w", one.CurId(), err)
			}
		}
	}
	return nil
}

// asWritten adds each unknown variable of an object, with its own reference as the
// value.
func asWritten(r *resource.Resource, known map[string]string) map[string]string {
	all := maps.Clone(known)
	text, err := r.AsYAML()
	if err != nil {
		return all // Flux's code fails at the same point
	}
	for _, found := range bare.FindAllSubmatch(text, -1) {
		if name := string(found[1]); all[name] == "" {
			all[name] = "${" + name + "}"
		}
	}
	if len(all) == 0 {
		all["_"] = "" // without any variable, Flux's code would leave defaults unexpanded
	}
	return all
}
