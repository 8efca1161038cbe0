package check

import (
	"fmt"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
)

// verbs are those Flux applies with.
var verbs = []string{"create", "patch"}

// account is what a ServiceAccount may do, as far as git knows.
type account struct {
	// everywhere are rules for all namespaces, in those for one.
	everywhere []rbacv1.PolicyRule
	in         map[string][]rbacv1.PolicyRule
	// unknown: some of its roles are not in git.
	unknown bool
}

func findAccount(s *subject) (found []Finding) {
	accounts := map[string]*account{}
	for _, o := range s.objects {
		k := o.by
		if k == nil || k.Spec.ServiceAccountName == "" {
			continue
		}
		id := k.Namespace + "/" + k.Spec.ServiceAccountName
		if accounts[id] == nil {
			accounts[id] = s.account(k)
		}
		plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
		for _, verb := range verbs {
			if accounts[id].unknown || accounts[id].may(verb, o, plural.Resource) {
				continue
			}
			found = append(found, s.at(o, "kind",
				fmt.Sprintf("the account %s, which applies this file, may not %s %s in namespace %q", id, verb, plural.Resource, o.GetNamespace()),
				"move the object to where its maintainer keeps such ones: Templates to templates/, Courses and students to roster/, all else to clusters/"))
			break
		}
	}
	return found
}

// account gathers the rules of the account that a Kustomization impersonates.
func (s *subject) account(k *kustomizev1.Kustomization) *account {
	a := &account{in: map[string][]rbacv1.PolicyRule{}}
	for _, o := range s.objects {
		if o.GroupVersionKind().Group != rbacv1.GroupName || !strings.HasSuffix(o.GetKind(), "RoleBinding") {
			continue
		}
		// A ClusterRoleBinding has the same fields.
		binding := &rbacv1.RoleBinding{}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, binding) != nil || !slices.ContainsFunc(binding.Subjects, func(subject rbacv1.Subject) bool {
			return subject.Kind == rbacv1.ServiceAccountKind && subject.Name == k.Spec.ServiceAccountName && subject.Namespace == k.Namespace
		}) {
			continue
		}
		rules, there := s.role(binding)
		a.unknown = a.unknown || !there
		if o.GetKind() == "ClusterRoleBinding" {
			a.everywhere = append(a.everywhere, rules...)
		} else {
			a.in[o.GetNamespace()] = append(a.in[o.GetNamespace()], rules...)
		}
	}
	if len(a.in)+len(a.everywhere) == 0 && s.find("ServiceAccount", k.Namespace, k.Spec.ServiceAccountName) == nil {
		a.unknown = true // not kept here
	}
	return a
}

func (s *subject) role(binding *rbacv1.RoleBinding) (rules []rbacv1.PolicyRule, there bool) {
	namespace := binding.Namespace
	if binding.RoleRef.Kind == "ClusterRole" {
		namespace = ""
	}
	o := s.find(binding.RoleRef.Kind, namespace, binding.RoleRef.Name)
	if o == nil {
		return nil, false
	}
	// A ClusterRole has the same field.
	role := &rbacv1.Role{}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role)
	return role.Rules, err == nil
}

func (a *account) may(verb string, o *object, resource string) bool {
	rules := append(slices.Clone(a.everywhere), a.in[o.GetNamespace()]...)
	return slices.ContainsFunc(rules, func(rule rbacv1.PolicyRule) bool {
		return has(rule.Verbs, verb) && has(rule.APIGroups, o.GroupVersionKind().Group) && has(rule.Resources, resource) &&
			(len(rule.ResourceNames) == 0 || verb != "create" && slices.Contains(rule.ResourceNames, o.GetName()))
	})
}

func has(list []string, word string) bool {
	return slices.Contains(list, word) || slices.Contains(list, rbacv1.VerbAll)
}
