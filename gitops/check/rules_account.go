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

// verbs are the requests by which Flux applies an object.
var verbs = []string{"create", "patch"}

// account holds the permissions of a ServiceAccount, as far as they are in git.
type account struct {
	// everywhere holds the rules for all namespaces, and in the rules by namespace.
	everywhere []rbacv1.PolicyRule
	in         map[string][]rbacv1.PolicyRule
	// unknown is true if some of the account's roles are not in git.
	unknown bool
}

func findAccount(s *subject) (found []Finding) {
	accounts, bindings := map[string]*account{}, s.bindings()
	for _, o := range s.objects {
		k := o.by
		if k == nil || k.Spec.ServiceAccountName == "" {
			continue
		}
		id := k.Namespace + "/" + k.Spec.ServiceAccountName
		if accounts[id] == nil {
			accounts[id] = s.account(k, bindings[id])
		}
		plural, _ := meta.UnsafeGuessKindToResource(o.GroupVersionKind())
		for _, verb := range verbs {
			if accounts[id].unknown || accounts[id].may(verb, o, plural.Resource) {
				continue
			}
			found = append(found, s.findingAt(o, "kind",
				fmt.Sprintf("the account %s, which applies this file, may not %s %s in namespace %q", id, verb, plural.Resource, o.GetNamespace()),
				"move the object to where its maintainer keeps such ones: Templates to templates/, Courses and students to roster/, all else to clusters/"))
			break
		}
	}
	return found
}

// bindings returns the role bindings of each account, keyed by "namespace/name".
func (s *subject) bindings() map[string][]binding {
	all := map[string][]binding{}
	for _, o := range s.objects {
		if o.GroupVersionKind().Group != rbacv1.GroupName || !strings.HasSuffix(o.GetKind(), "RoleBinding") {
			continue
		}
		// A ClusterRoleBinding has the same fields.
		one := binding{kind: o.GetKind()}
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &one.RoleBinding) != nil {
			continue
		}
		bound := map[string]bool{}
		for _, subject := range one.Subjects {
			id := subject.Namespace + "/" + subject.Name
			if subject.Kind == rbacv1.ServiceAccountKind && !bound[id] {
				bound[id], all[id] = true, append(all[id], one)
			}
		}
	}
	return all
}

type binding struct {
	rbacv1.RoleBinding
	kind string
}

// account collects the rules of the account that a Kustomization impersonates.
func (s *subject) account(k *kustomizev1.Kustomization, bindings []binding) *account {
	a := &account{in: map[string][]rbacv1.PolicyRule{}}
	for i := range bindings {
		one := &bindings[i]
		rules, there := s.role(&one.RoleBinding)
		a.unknown = a.unknown || !there
		if one.kind == "ClusterRoleBinding" {
			a.everywhere = append(a.everywhere, rules...)
		} else {
			a.in[one.Namespace] = append(a.in[one.Namespace], rules...)
		}
	}
	if len(a.in)+len(a.everywhere) == 0 && s.find("ServiceAccount", k.Namespace, k.Spec.ServiceAccountName) == nil {
		a.unknown = true // the account is not managed in git
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
	allows := func(rule rbacv1.PolicyRule) bool {
		return has(rule.Verbs, verb) && has(rule.APIGroups, o.GroupVersionKind().Group) && has(rule.Resources, resource) &&
			(len(rule.ResourceNames) == 0 || verb != "create" && slices.Contains(rule.ResourceNames, o.GetName()))
	}
	return slices.ContainsFunc(a.everywhere, allows) || slices.ContainsFunc(a.in[o.GetNamespace()], allows)
}

func has(list []string, word string) bool {
	return slices.Contains(list, word) || slices.Contains(list, rbacv1.VerbAll)
}
