package reporter

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// causedWithin is for how long after a commit a carrel that begins to fail counts as failing
// through it, though neither the carrel nor a revision of its Template is new. A row that
// names another Template, and another default of the Course, show in no other way.
const causedWithin = time.Hour

// A Revision is the current revision of a Template.
type Revision struct {
	Name  string
	Since time.Time
	// Unread is set if the controller has yet to read the Template as it stands, so that the
	// revision may be a former one.
	Unread bool
	// Untried is set if the Template asks for no trial starts.
	Untried bool
	// Trial is the trial of this revision; nil if there is none.
	Trial *v1alpha1.TemplateTrial
}

// revisionOf reads the status of a Template. A trial with other pvcSpecs than the present
// ones, which are no part of a revision, does not count: the errand process tries again.
func revisionOf(template *v1alpha1.Template) Revision {
	unread := template.Status.ObservedGeneration != template.Generation
	current := template.Status.Revision
	if current == nil {
		return Revision{Unread: unread}
	}
	r := Revision{Name: current.Name, Since: current.Since.Time, Unread: unread, Untried: template.Spec.Trial == v1alpha1.TrialNever}
	volumes, err := workload.VolumesDigest(template)
	for i := range template.Status.Trials {
		if trial := &template.Status.Trials[i]; trial.Revision == current.Name && trial.Volumes == volumes && err == nil {
			r.Trial = trial
		}
	}
	return r
}

// split separates the carrels that a commit brought from the others.
func (c Class) split(userlands []v1alpha1.Userland, since time.Time) (brought, others []v1alpha1.Userland) {
	for i := range userlands {
		if c.brought(&userlands[i], since) {
			brought = append(brought, userlands[i])
		} else {
			others = append(others, userlands[i])
		}
	}
	return brought, others
}

// brought reports whether a carrel, or the revision of its Template that it takes, came at
// the time since or later, or whether it began to fail soon after. It rests on recorded
// times, so it does not depend on the order in which things are seen.
func (c Class) brought(u *v1alpha1.Userland, since time.Time) bool {
	since = since.Truncate(time.Second) // as the API server stores times
	if since.IsZero() || !u.CreationTimestamp.Time.Before(since) {
		return true
	}
	if observed := u.Status.Template; observed != nil {
		revision, known := c.Revisions[observed.Name]
		takesIt := observed.Revision == "" || observed.Revision == revision.Name
		if known && revision.Name != "" && !revision.Since.Before(since) && takesIt {
			return true
		}
	}
	ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
	return u.Status.State == v1alpha1.StateFailing && ready != nil && ready.Status == metav1.ConditionFalse &&
		!ready.LastTransitionTime.Time.Before(since) && ready.LastTransitionTime.Sub(since) < causedWithin
}
