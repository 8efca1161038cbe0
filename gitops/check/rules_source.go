package check

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// findSource finds Kustomizations whose GitRepository is not in git, so that what they
// apply was not looked at, and GitRepositories that add what is not in this tree.
func findSource(s *subject) (found []Finding) {
	for _, o := range s.objects {
		if o.GetKind() == sourcev1.GitRepositoryKind {
			found = append(found, s.additions(o)...)
			continue
		}
		k := render.KustomizationOf(o.Unstructured)
		if k == nil || k.Spec.SourceRef.Kind != sourcev1.GitRepositoryKind {
			continue
		}
		namespace := cmp.Or(k.Spec.SourceRef.Namespace, k.Namespace)
		if s.find(sourcev1.GitRepositoryKind, namespace, k.Spec.SourceRef.Name) == nil {
			found = append(found, s.findingAt(o, "spec.sourceRef.name",
				fmt.Sprintf("there is no GitRepository %s/%s, so what this Kustomization applies was not looked at", namespace, k.Spec.SourceRef.Name),
				"correct sourceRef: the GitRepository of this repository is the one in clusters/"+s.cluster+"/flux-system"))
		}
	}
	return found
}

func (s *subject) additions(o *object) (found []Finding) {
	submodules, _, _ := unstructured.NestedBool(o.Object, "spec", "recurseSubmodules")
	include, _, _ := unstructured.NestedSlice(o.Object, "spec", "include")
	for field, set := range map[string]bool{"spec.recurseSubmodules": submodules, "spec.include": len(include) > 0} {
		if set {
			f := s.findingAt(o, field, "files of other repositories are added, which were not looked at", "copy them into this repository")
			f.Severity = Warning
			found = append(found, f)
		}
	}
	return found
}

// reached reports whether the cluster builds anything from the path to check.
func (s *subject) reached() bool {
	for i := range s.applied {
		if s.applied[i].Has(s.below) {
			return true
		}
	}
	return false
}

// has reports whether a course has a part in the path to check.
func (s *subject) has(course string) bool {
	for i := range s.applied {
		k := s.applied[i].Kustomization
		if k != nil && cmp.Or(k.Spec.TargetNamespace, k.Namespace) == course && s.applied[i].Has(s.below) {
			return true
		}
	}
	for _, o := range s.objects {
		if o.GetNamespace() == course && (o.origin.File == s.below || strings.HasPrefix(o.origin.File, s.below+"/")) {
			return true
		}
	}
	return false
}

// courses is the directory in which each course has one.
const courses = "courses"

// unreached finds the courses of the tree that no cluster applies.
func unreached(t *tree.Tree, all []*subject) (found []Finding) {
	reached := map[string]bool{}
	for _, s := range all {
		for i := range s.applied {
			for _, p := range s.applied[i].Paths() {
				if parts := strings.SplitN(strings.TrimPrefix(p, "/"), "/", 3); len(parts) > 1 {
					reached[path.Join(parts[0], parts[1])] = true
				}
			}
			if k := s.applied[i].Kustomization; k != nil {
				reached[path.Dir(path.Clean(k.Spec.Path))] = true // also if it could not be built
			}
		}
	}
	names, err := t.ReadDir(courses)
	if err != nil {
		return nil // there is no such directory
	}
	for _, name := range names {
		dir := path.Join(courses, name)
		if roster := path.Join(dir, "roster"); t.IsDir(roster) && !reached[dir] {
			found = append(found, Finding{Rule: "reached", Severity: Warning, File: roster, Message: "no cluster applies this course, so it was not looked at",
				Cure: "list it in clusters/<cluster>/courses/kustomization.yaml, or delete it"})
		}
	}
	return found
}
