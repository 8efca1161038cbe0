package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func findBuild(s *subject) (found []Finding) {
	for i := range s.applied {
		one := &s.applied[i]
		if one.Err == nil || !one.Has(s.below) {
			continue
		}
		faults := one.Faults()
		for _, f := range faults {
			found = append(found, Finding{File: f.File, Line: f.Line, Message: f.Message, Cure: f.Cure})
		}
		if len(faults) == 0 {
			found = append(found, Finding{File: s.entry(one.Kustomization), Message: one.Err.Error(), Cure: "make `kustomize build` of the directory succeed"})
		}
	}
	return found
}

func findVariables(s *subject) (found []Finding) {
	for _, one := range s.applied {
		if one.Kustomization == nil || s.classes[cmp.Or(one.Kustomization.Spec.TargetNamespace, one.Kustomization.Namespace)].Course == nil {
			continue // Kustomizations outside courses may use variables that git does not hold
		}
		for _, name := range one.Unknown {
			found = append(found, s.findingAt(s.kustomization(one.Kustomization), "spec.postBuild.substituteFrom", fmt.Sprintf("the %s, which has variables, is not in git", name),
				"look at what depends on them in the cluster, or keep them in a ConfigMap in git"))
		}
	}
	return found
}

// kustomization returns the object of a Flux Kustomization.
func (s *subject) kustomization(k *kustomizev1.Kustomization) *object {
	return s.find(kustomizev1.KustomizationKind, k.Namespace, k.Name)
}

func findDependsOn(s *subject) (found []Finding) {
	needs := map[string][]string{}
	for _, one := range s.applied {
		if one.Kustomization != nil {
			needs[keyOf(one.Kustomization)] = dependencies(one.Kustomization)
		}
	}
	for _, one := range s.applied {
		k := one.Kustomization
		if k == nil {
			continue
		}
		for i, name := range needs[keyOf(k)] {
			field := index("spec.dependsOn", i)
			namespace, base, _ := strings.Cut(name, "/")
			switch {
			case s.find(kustomizev1.KustomizationKind, namespace, base) == nil:
				found = append(found, s.findingAt(s.kustomization(k), field, fmt.Sprintf("there is no Kustomization %s", name), "correct the name, or take it out"))
			case reaches(needs, name, keyOf(k), map[string]bool{}):
				found = append(found, s.findingAt(s.kustomization(k), field, fmt.Sprintf("the Kustomization %s depends on this one in its turn", name), "take one of the two out"))
			}
		}
	}
	return found
}

func keyOf(k *kustomizev1.Kustomization) string { return k.Namespace + "/" + k.Name }

// dependencies returns the Kustomizations on which k depends, as "namespace/name".
func dependencies(k *kustomizev1.Kustomization) (all []string) {
	for _, on := range k.Spec.DependsOn {
		all = append(all, cmp.Or(on.Namespace, k.Namespace)+"/"+on.Name)
	}
	return all
}

// reaches reports whether the Kustomization from depends on to, directly or through
// others.
func reaches(needs map[string][]string, from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(needs[from], func(next string) bool { return reaches(needs, next, to, seen) })
}

func findSchema(s *subject) (found []Finding) {
	for _, o := range s.objects {
		for _, fault := range o.errs {
			found = append(found, s.findingAt(o, fault.path, fault.message, fault.cure()))
		}
	}
	return found
}

func findNamespace(s *subject) (found []Finding) {
	for _, o := range s.objects {
		if o.GetNamespace() == "" && isNamespaced(o) {
			found = append(found, s.findingAt(o, "metadata.name", fmt.Sprintf("the %s %s is in no namespace", o.GetKind(), o.GetName()),
				"give it metadata.namespace, or set namespace in the kustomization.yaml beside it"))
		}
	}
	return found
}

// isNamespaced reports whether the kind of o is known to be namespaced.
func isNamespaced(o *object) bool {
	group := o.GroupVersionKind().Group
	if group == v1alpha1.SchemeGroupVersion.Group || strings.HasSuffix(group, ".toolkit.fluxcd.io") {
		return true
	}
	namespaced, known := openapi.IsNamespaceScoped(yaml.TypeMeta{APIVersion: o.GetAPIVersion(), Kind: o.GetKind()})
	return known && namespaced
}

func findCourseName(s *subject) (found []Finding) {
	for _, o := range s.ours("Course") {
		if o.GetName() != o.GetNamespace() {
			found = append(found, s.findingAt(o, "metadata.name",
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
					found = append(found, s.findingAt(o, index(list, i)+".image", fmt.Sprintf("the image %s %s", image, why), "name a version, or a digest (@sha256:...)"))
				}
			}
		}
	}
	return found
}

// unpinned returns the reason why the image may change without a commit, or "" if
// it can't.
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
			found = append(found, s.findingAt(o, "metadata.labels", "the namespace enforces no Pod Security level", "label it "+enforce+": restricted"))
		case "privileged":
			found = append(found, s.findingAt(o, "metadata.labels["+enforce+"]", "the namespace lets Templates do anything on the node", "label it "+enforce+": restricted, or baseline"))
		}
	}
	return found
}
