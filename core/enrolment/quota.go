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
	for _, name := range []corev1.ResourceName{corev1.ResourceServices, "count/services", "count/deployments.apps"} {
		o[name]++
	}
	o.addClaims(len(t.Spec.Volumes))
}

func (o objects) addClaims(n int) {
	o[corev1.ResourcePersistentVolumeClaims] += int64(n)
	o["count/persistentvolumeclaims"] += int64(n)
}

// NeedsMore reports whether the Plan creates Userlands, or moves some to another
// Template, whose volumes they may lack.
func (p Plan) NeedsMore() bool {
	return slices.ContainsFunc(p.Wants, func(want Want) bool {
		return want.Found == nil || want.Found.Spec.TemplateName != want.Row.Template
	})
}

// OverQuota returns which quotas of the namespace have no room for the objects of the
// Userlands that the Plan creates or moves. The API server would refuse some of them midway: a
// trial counts nothing, and the objects of a carrel are made later.
//
// The claims are those of the namespace. Claims that were kept for a student who comes
// back are not needed once more.
func (d CourseDecision) OverQuota(quotas []corev1.ResourceQuota, claims []corev1.PersistentVolumeClaim) (problems []roster.Problem) {
	fresh, class := d.count(claims)
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

// count counts the objects that the Plan adds, and those of the class with them.
func (d CourseDecision) count(claims []corev1.PersistentVolumeClaim) (fresh, class objects) {
	templates := make(map[string]*v1alpha1.Template, len(d.world.Templates))
	for i := range d.world.Templates {
		templates[d.world.Templates[i].Name] = &d.world.Templates[i]
	}
	of := func(template string) *v1alpha1.Template {
		return templates[cmp.Or(template, d.world.Course.Spec.TemplateName)]
	}
	fresh, class = objects{}, objects{}
	kept := newKeptClaims(claims)
	for i := range d.world.Userlands {
		u := &d.world.Userlands[i]
		class.add(of(u.Spec.TemplateName), ptr.Deref(u.Spec.Enabled, true))
		kept.take(u.User(), volumesOf(of(u.Spec.TemplateName)))
	}
	for _, want := range d.Plan.Wants {
		template := of(want.Row.Template)
		switch {
		case want.Found == nil:
			class.add(template, want.Row.Enabled)
			fresh.add(template, want.Row.Enabled)
			if want.Row.Enabled {
				fresh.addClaims(-kept.take(want.Row.User, volumesOf(template)))
			}
		case want.Row.Enabled && template != nil && of(want.Found.Spec.TemplateName) != nil:
			// Volumes that only the former Template has are kept, and still used.
			former := volumesOf(of(want.Found.Spec.TemplateName))
			more := slices.DeleteFunc(volumesOf(template), func(name string) bool { return slices.Contains(former, name) })
			class.addClaims(len(more))
			fresh.addClaims(len(more) - kept.take(want.Row.User, more))
		}
	}
	return fresh, class
}

func volumesOf(t *v1alpha1.Template) (names []string) {
	if t == nil {
		return nil
	}
	for i := range t.Spec.Volumes {
		names = append(names, t.Spec.Volumes[i].Name)
	}
	return names
}

// keptClaims counts the claims of each person for each volume that no carrel takes.
type keptClaims map[claimOwner]int

type claimOwner struct{ person, volume string }

func newKeptClaims(claims []corev1.PersistentVolumeClaim) keptClaims {
	kept := make(keptClaims, len(claims))
	for i := range claims {
		if user, recorded := claims[i].Annotations[v1alpha1.UserAnnotation]; recorded {
			kept[claimOwner{roster.Person(user), claims[i].Annotations[v1alpha1.VolumeAnnotation]}]++
		}
	}
	return kept
}

// take takes claims for the volumes of one more carrel, and returns how many there are.
func (k keptClaims) take(user string, volumes []string) (n int) {
	for _, volume := range volumes {
		if owner := (claimOwner{roster.Person(user), volume}); k[owner] > 0 {
			k[owner]--
			n++
		}
	}
	return n
}
