package lifecycle

import (
	"cmp"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// World holds the facts that the decision about one carrel rests on, as they were
// at one moment. Each was read: from the cluster, the queue, the roll-out or the
// software of the carrel. Nothing that Decide uses is missing here.
type World struct {
	// Now is the moment of the observation.
	Now time.Time
	// Userland is whose carrel it is. Its status is what was recorded so far.
	Userland *v1alpha1.Userland
	// Course is the class; the zero Course if there is none, never nil.
	Course *v1alpha1.Course
	// Session is what the timetable of the Course says to the user at that moment;
	// zero without a timetable.
	Session timetable.Moment
	// SessionEnd is when the user is in no session any more; zero: they are in none.
	SessionEnd time.Time
	// Template is the one that the Userland follows; nil if there is none.
	Template *v1alpha1.Template
	// Revisions holds, by name, those that exist of the latest revision of the
	// Template, the one the Deployment is made of, and the one that the carrel has
	// been running with.
	Revisions map[string]Revision
	// Granted reports whether the roll-out of the latest revision lets the carrel
	// restart now.
	Granted bool
	// Turn is the place of the carrel in the queue of its course.
	Turn Turn
	// Probe is the last answer of the carrel's own software.
	Probe Probe
	// Deployment is the Userland's own; nil if it has none.
	Deployment *appsv1.Deployment
	// Services are those of the Userland, also under former names.
	Services []corev1.Service
	// Pods are those of the Userland, also of former Deployments.
	Pods []corev1.Pod
	// Volumes are the claims that may be the carrel's, and the other carrels of its user.
	Volumes volume.Stock
}

// A Revision is a kept revision of a Template with its blueprint.
type Revision struct {
	*appsv1.ControllerRevision
	Blueprint workload.Blueprint
}

// Turn is the place of a carrel in the queue of its course.
type Turn struct {
	// Bounded reports whether the course bounds how many carrels start at once.
	Bounded bool
	// Granted reports whether the queue lets the carrel start.
	Granted bool
	// Next is when a place becomes free though nothing happens; zero: never.
	Next time.Time
}

// Probe is what the software of a carrel answered when it was asked for its last
// use. The zero value means that it was not asked.
type Probe struct {
	// AskedAt is when it was asked.
	AskedAt time.Time
	// LastActivity is the answer; zero if there is a Failure.
	LastActivity time.Time
	// Failure says why there is no answer.
	Failure string
}

// Runs reports whether the Deployment asks for a pod.
func (w World) Runs() bool {
	return w.Deployment != nil && ptr.Deref(w.Deployment.Spec.Replicas, 1) > 0
}

// TemplateName returns the name of the Template that the Userland follows; empty
// if neither it nor its Course names one.
func (w World) TemplateName() string {
	return TemplateName(w.Userland, w.Course)
}

// TemplateName returns the name of the Template that a Userland of a Course
// follows; empty if neither names one.
func TemplateName(u *v1alpha1.Userland, c *v1alpha1.Course) string {
	return cmp.Or(u.Spec.TemplateName, c.Spec.TemplateName)
}

// LatestRevision returns the name of the revision that carrels which start are
// made of; empty if there is none.
func LatestRevision(t *v1alpha1.Template) string {
	if t == nil || t.Status.Revision == nil {
		return ""
	}
	return t.Status.Revision.Name
}

// CurrentRevision returns the name of the revision a Deployment is made of; empty
// if it is not known.
func CurrentRevision(d *appsv1.Deployment) string {
	if d == nil {
		return ""
	}
	return d.Labels[v1alpha1.RevisionLabel]
}

// ProvenRevision returns the name of the revision that a carrel has been running
// with, as its status records it; empty if there is none.
func ProvenRevision(u *v1alpha1.Userland) string {
	if u.Status.Template == nil {
		return ""
	}
	return u.Status.Template.Revision
}

// Mounted returns the names of the claims that a Deployment mounts, by volume.
func Mounted(d *appsv1.Deployment) map[string]string {
	names := map[string]string{}
	if d == nil {
		return names
	}
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			names[v.Name] = v.PersistentVolumeClaim.ClaimName
		}
	}
	return names
}
