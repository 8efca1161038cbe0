package enrolment

import (
	"fmt"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// HeldVolumes is an edit of a Template that takes volumes away from more carrels than
// the guard lets pass: their work would be deleted when its time is over.
type HeldVolumes struct {
	// Template and Volumes are the names of both.
	Template string
	Volumes  []string
	// Carrels is the number of carrels that would lose them, Of that of the class.
	Carrels, Of int
	// Confirm is the value of spec.guard.confirm of the Course that confirms the edit.
	Confirm string
}

// GuardVolumes holds an edit of a Template that so many carrels follow, given the names
// of its volumes; nil lets it pass.
func GuardVolumes(course *v1alpha1.Course, template string, before, after []string, carrels, of int) *HeldVolumes {
	was, is := slices.Sorted(slices.Values(before)), slices.Sorted(slices.Values(after))
	lost := slices.DeleteFunc(slices.Clone(was), func(name string) bool { return slices.Contains(is, name) })
	confirm := confirmation(template+": "+strings.Join(was, " "), strings.Join(is, " "))
	if len(lost) == 0 || MayRemove(course, carrels, of) || course.Spec.Guard.Confirm == confirm {
		return nil
	}
	return &HeldVolumes{Template: template, Volumes: lost, Carrels: carrels, Of: of, Confirm: confirm}
}

// Effect describes what the edit would do.
func (h HeldVolumes) Effect() string {
	word := "volume"
	if len(h.Volumes) > 1 {
		word = "volumes"
	}
	return fmt.Sprintf("would take %s %s from %d of %d carrels", word, strings.Join(h.Volumes, ", "), h.Carrels, h.Of)
}
