package lifecycle

import (
	"fmt"
	"slices"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

// heldVolumes returns why an accepted edit is held: it takes volumes away from more
// carrels than the guard of the Course lets pass; nil lets it pass.
func (w TemplateWorld) heldVolumes() *enrolment.HeldVolumes {
	i := slices.IndexFunc(w.Revisions, func(kept KeptRevision) bool { return kept.Name == currentRevision(w.Template.Status) })
	if w.Course == nil || i < 0 {
		return nil
	}
	former, err := workload.ReadBlueprint(w.Revisions[i].ControllerRevision)
	if err != nil {
		// No carrel can be made of it, so none has volumes to lose by the edit.
		return nil
	}
	return enrolment.GuardVolumes(w.Course, w.Template.Name, former.Volumes, workload.NewBlueprint(w.Template).Volumes, len(w.Userlands), w.Class)
}

// hold keeps the former revision, of which carrels go on to be made.
func (d *TemplateDecision) hold(held enrolment.HeldVolumes) {
	t := d.world.Template
	d.held = true
	d.status.Conditions = append(d.status.Conditions, health.TrueCondition(t.Status.Conditions,
		v1alpha1.RolloutHeldCondition, v1alpha1.VolumesHeldReason,
		fmt.Sprintf("held: %s; to confirm, set spec.guard.confirm of the Course: %q", held.Effect(), held.Confirm),
		t.Generation, d.world.Now))
}
