package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// find returns an object, or nil if the cluster does not have it.
func (s *subject) find(kind, namespace, name string) *object {
	return s.by[id{kind, namespace, name}]
}

// ours returns all objects of a kind of carrel.dev.
func (s *subject) ours(kind string) []*object {
	return slices.DeleteFunc(slices.Clone(s.objects), func(o *object) bool {
		return o.GetKind() != kind || o.GroupVersionKind().Group != "carrel.dev"
	})
}

// names returns the sorted names of the courses.
func (s *subject) names() []string { return slices.Sorted(maps.Keys(s.classes)) }

func findTemplateMissing(s *subject) (found []Finding) {
	for _, name := range s.names() {
		if s.broken(name) {
			continue // the missing Template may be in the part that can't be built
		}
		declared := s.classes[name]
		missing := func(template string) bool { return template != "" && s.find("Template", name, template) == nil }
		const cure = "add it to the templates of the course, or name one that is there"
		if template := declared.Course.Spec.TemplateName; missing(template) {
			found = append(found, s.findingAt(s.find("Course", name, name), "spec.templateName", fmt.Sprintf("there is no Template %q in the course", template), cure))
		}
		for i := range declared.Userlands {
			if u := &declared.Userlands[i]; missing(u.Spec.TemplateName) {
				found = append(found, s.findingAt(s.find("Userland", name, u.Name), "spec.templateName", fmt.Sprintf("there is no Template %q in the course", u.Spec.TemplateName), cure))
			}
		}
		if len(s.rows(name).Errors) > 0 {
			continue // nothing of the roster is acted upon
		}
		for _, row := range s.rows(name).Rows {
			if missing(row.Template) {
				found = append(found, Finding{File: row.Place.File, Line: row.Place.Line, Object: "Course " + name,
					Message: fmt.Sprintf("there is no Template %q in the course", row.Template), Cure: cure})
			}
		}
	}
	return found
}

// broken reports whether a part of the course could not be built.
func (s *subject) broken(course string) bool {
	for _, one := range s.applied {
		if one.Err != nil && (one.Kustomization == nil || one.Kustomization.Namespace == course || one.Kustomization.Spec.TargetNamespace == course) {
			return true
		}
	}
	return false
}

// unread reports whether students of the course may be missing, because a part of it
// could not be built or a roster is refused.
func (s *subject) unread(course string) bool {
	return s.broken(course) || len(s.rows(course).Errors) > 0
}

// findTemplate finds what the controller would refuse in a Template.
func findTemplate(s *subject) (found []Finding) {
	for _, name := range s.names() {
		declared := s.classes[name]
		for i := range declared.Templates {
			o := s.find("Template", name, declared.Templates[i].Name)
			for _, err := range workload.Validate(&declared.Templates[i]) {
				found = append(found, s.findingAt(o, err.Field, err.Error(), ""))
			}
		}
	}
	return found
}

// findTemplateReach finds what the policy template-reach.carrel.dev would refuse.
func findTemplateReach(s *subject) (found []Finding) {
	for _, name := range s.names() {
		var allowed workload.Reach
		if namespace := s.find("Namespace", "", name); namespace != nil {
			allowed = workload.NewReach(namespace.GetAnnotations())
		}
		declared := s.classes[name]
		for i := range declared.Templates {
			o := s.find("Template", name, declared.Templates[i].Name)
			for _, err := range allowed.Validate(&declared.Templates[i]) {
				found = append(found, s.findingAt(o, err.Field, err.Error(), ""))
			}
		}
	}
	return found
}

func findTwice(s *subject) (found []Finding) {
	type identity struct{ user, template string }
	for _, name := range s.names() {
		declared, first := s.classes[name], map[identity]*object{}
		for i := range declared.Userlands {
			u := &declared.Userlands[i]
			o := s.find("Userland", name, u.Name)
			id := identity{u.User(), cmp.Or(u.Spec.TemplateName, declared.Course.Spec.TemplateName)}
			if other := first[id]; other != nil {
				found = append(found, s.findingAt(o, "spec.user", fmt.Sprintf("the same user and template as the Userland %s in %s", other.GetName(), other.origin.File),
					"delete one of the two, or name another template in one"))
				continue
			}
			first[id] = o
		}
	}
	return found
}

// maxHost is the maximum length of a DNS label, in characters.
const maxHost = 63

func findHostName(s *subject) (found []Finding) {
	for _, o := range s.ours("Userland") {
		host := o.GetName() + "--" + o.GetNamespace()
		if len(host) > maxHost {
			found = append(found, s.findingAt(o, "metadata.name", fmt.Sprintf("the carrel's host name %s would have %d characters, at most %d", host, len(host), maxHost),
				fmt.Sprintf("shorten the name to at most %d, and put the whole identity into spec.user", maxHost-2-len(o.GetNamespace()))))
		}
	}
	return found
}

func findRoster(s *subject) (found []Finding) {
	for _, name := range s.names() {
		declared := s.classes[name]
		enrolled := enrolment.Make(declared.Course, declared.Userlands, s.rows(name), time.Time{})
		add := func(p roster.Problem, severity Severity) {
			message := p.Cause
			if p.Header != "" {
				message = fmt.Sprintf("column %d (%s): %s", p.Column, p.Header, message)
			}
			found = append(found, Finding{Severity: severity, File: p.File, Line: p.Line, Object: "Course " + name, Message: message, Cure: p.Cure})
		}
		for _, p := range enrolled.Errors {
			add(p, Error)
		}
		for _, p := range enrolled.Warnings {
			add(p, Warning)
		}
	}
	return found
}

func findRosterMissing(s *subject) (found []Finding) {
	for _, name := range s.names() {
		for i, source := range s.classes[name].Course.Spec.Rosters {
			o := s.find("ConfigMap", name, source.ConfigMap)
			field := index("spec.rosters", i) + ".configMap"
			switch {
			case o == nil:
				found = append(found, s.findingAt(s.find("Course", name, name), field, fmt.Sprintf("there is no ConfigMap %q", source.ConfigMap),
					"make it by a configMapGenerator, with the component kustomize/components/roster"))
			case o.GetLabels()["carrel.dev/roster"] != "true":
				found = append(found, s.findingAt(s.find("Course", name, name), field, fmt.Sprintf("the ConfigMap %q is not labelled as a roster", source.ConfigMap),
					`label it carrel.dev/roster: "true"`))
			}
		}
	}
	return found
}

func findQuota(s *subject) (found []Finding) {
	for _, name := range s.names() {
		declared := s.classes[name]
		if len(declared.Quotas) == 0 || s.unread(name) {
			continue
		}
		var before class.Class
		if s.before != nil && !s.broken(name) && !s.before.broken(name) {
			before = s.before.classes[name]
		}
		need := plan.NeedOf(name, plan.Class{Class: before}, plan.Class{Class: declared})
		for _, row := range need.Rows {
			if !row.Over {
				continue
			}
			when := "with everybody there"
			if need.Session != "" {
				when = "in its fullest session, " + need.Session + ","
			}
			kept := ""
			if row.Kept != "" {
				kept = ", " + row.Kept + " of it for volumes that are kept"
			}
			found = append(found, s.findingAt(s.quota(name, row.Resource), "spec.hard["+row.Resource+"]",
				fmt.Sprintf("%s the class needs %s of %s%s, and the quota is %s", when, row.After, row.Resource, kept, row.Quota),
				fmt.Sprintf("raise %s in the course's ResourceQuota to at least %s", row.Resource, row.After)))
		}
	}
	return found
}

// quota returns the course's ResourceQuota that limits the resource. If none does,
// it returns another ResourceQuota of the course.
func (s *subject) quota(course, resource string) *object {
	var found *object
	for _, o := range s.objects {
		if o.GetKind() != "ResourceQuota" || o.GetNamespace() != course {
			continue
		}
		hard, _, _ := unstructured.NestedMap(o.Object, "spec", "hard")
		if _, there := hard[resource]; there {
			return o
		}
		found = o
	}
	return found
}

func findGuard(s *subject) (found []Finding) {
	if s.before == nil {
		return nil
	}
	for _, name := range s.before.names() {
		before, after := s.before.classes[name], s.classes[name]
		if s.broken(name) || s.before.broken(name) {
			continue
		}
		for _, held := range plan.Compare(name, plan.Class{Class: before}, plan.Class{Class: after}, time.Time{}).Held {
			message, cure := held.Effect()+", which is over the guard", "if it is meant, "+held.Cure()
			if o := s.find("Course", name, name); o != nil {
				found = append(found, s.findingAt(o, "spec.guard", message, cure))
				continue
			}
			found = append(found, Finding{File: s.before.find("Course", name, name).origin.File, Object: "Course " + name, Message: message, Cure: cure})
		}
	}
	return found
}
