package enrolment

import (
	"cmp"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// CountUserlands is the name by which a ResourceQuota counts Userlands.
const CountUserlands corev1.ResourceName = "count/userlands.carrel.dev"

// objects counts objects by the names that a ResourceQuota uses.
type objects map[corev1.ResourceName]int64

// add counts the objects of one carrel. Of one that is disabled only the Userland
// itself is certain.
func (o objects) add(t *v1alpha1.Template, enabled bool) {
	o[CountUserlands]++
	if !enabled || t == nil {
		return
	}
	for name, n := range map[corev1.ResourceName]int{
		corev1.ResourceServices: 1, "count/services": 1, "count/deployments.apps": 1,
		corev1.ResourcePersistentVolumeClaims: len(t.Spec.Volumes), "count/persistentvolumeclaims": len(t.Spec.Volumes),
	} {
		o[name] += int64(n)
	}
}

// Creates reports whether the Plan has Userlands that do not exist.
func (p Plan) Creates() bool {
	return slices.ContainsFunc(p.Wants, func(want Want) bool { return want.Found == nil })
}

// OverQuota returns which quotas of the namespace have no room for the objects of the
// Userlands that the Plan creates. The API server would refuse some of them midway: a
// trial counts nothing, and the objects of a carrel are made later.
func (d CourseDecision) OverQuota(quotas []corev1.ResourceQuota) (problems []roster.Problem) {
	fresh, class := d.count()
	for i := range quotas {
		quota := &quotas[i]
		if len(quota.Spec.Scopes) > 0 || quota.Spec.ScopeSelector != nil {
			continue // these count pods only
		}
		for name, more := range fresh {
			hard, limited := quota.Spec.Hard[name]
			used := quota.Status.Used[name]
			// Carrels that were never opened have objects to come, and volumes of those
			// who left are still used.
			need := max(used.Value()+more, class[name])
			if !limited || more == 0 || hard.Cmp(*resource.NewQuantity(need, resource.DecimalSI)) >= 0 {
				continue
			}
			problems = append(problems, roster.Problem{
				Place: roster.Place{File: "the rosters"},
				Cause: fmt.Sprintf("with the new rows, %d of %s are needed, and the ResourceQuota %q of the course allows %s", need, name, quota.Name, hard.String()),
				Cure:  fmt.Sprintf("raise it to at least %d, or take out lines", need),
			})
		}
	}
	slices.SortFunc(problems, func(a, b roster.Problem) int { return cmp.Compare(a.Cause, b.Cause) })
	return problems
}

// count counts the objects of the Userlands to create, and those of the class with
// them.
func (d CourseDecision) count() (fresh, class objects) {
	templates := make(map[string]*v1alpha1.Template, len(d.world.Templates))
	for i := range d.world.Templates {
		templates[d.world.Templates[i].Name] = &d.world.Templates[i]
	}
	of := func(template string) *v1alpha1.Template {
		return templates[cmp.Or(template, d.world.Course.Spec.TemplateName)]
	}
	fresh, class = objects{}, objects{}
	for _, want := range d.Plan.Wants {
		if want.Found == nil {
			fresh.add(of(want.Row.Template), want.Row.Enabled)
			class.add(of(want.Row.Template), want.Row.Enabled)
		}
	}
	for i := range d.world.Userlands {
		u := &d.world.Userlands[i]
		class.add(of(u.Spec.TemplateName), ptr.Deref(u.Spec.Enabled, true))
	}
	return fresh, class
}
