package lifecycle

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/volume"
)

// CarrelOf returns a Userland of a Course as far as its volumes are concerned. The
// Template is the one that it follows, and the Deployment its own; nil: there is none.
func CarrelOf(u *v1alpha1.Userland, c *v1alpha1.Course, t *v1alpha1.Template, d *appsv1.Deployment) volume.Carrel {
	carrel := volume.Carrel{Userland: u, Template: TemplateName(u, c), Mounted: Mounted(d), Ready: health.Answers(d)}
	names := maps.Clone(carrel.Mounted)
	if t != nil {
		for _, described := range t.Spec.Volumes {
			names[described.Name] = ""
		}
	}
	carrel.Volumes = slices.Sorted(maps.Keys(names))
	return carrel
}

// attach decides about the volumes of a carrel that is made of a revision.
func (w World) attach(r Revision, resetAt *metav1.Time) (volume.Attachments, error) {
	return volume.Attach(volume.Need{
		Userland: w.Userland, Template: w.TemplateName(), MadeOf: r.Labels[v1alpha1.TemplateLabel], Volumes: w.described(r.Blueprint.Volumes),
		Mounted: Mounted(w.Deployment), Ready: health.Answers(w.Deployment), ResetAt: resetAt,
	}, w.Volumes)
}
