// Package enrolment decides about Courses: which Userlands their rosters add, change
// and remove, whether so many may be removed at once, and what the status says. It
// is pure: the time is an argument.
package enrolment

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// PruneAnnotation, with the value PruneDisabled, tells Flux to leave an object
// when its file goes. On a Userland it offers it to a row of the same user and
// Template.
const (
	PruneAnnotation = "kustomize.toolkit.fluxcd.io/prune"
	PruneDisabled   = "disabled"
)

// Plan holds the changes that rosters ask for. With Errors it has none.
type Plan struct {
	// Wants are the Userlands to create or to change.
	Wants []Want
	// Waiting are the rows whose Userlands are created once a former one of the same
	// person is gone, so that the two never run side by side.
	Waiting []roster.Row
	// Removals are the Userlands to remove now.
	Removals []*v1alpha1.Userland
	// Held counts removals that wait for a confirmation. Removals is empty then.
	Held *v1alpha1.HeldRemoval
	// Gone and Largest are what the guard goes by next: the status has to record them
	// before anything is removed.
	Gone    []v1alpha1.GoneUserlands
	Largest int32
	// Rows counts all rows, Files those left to files of their own.
	Rows, Files int32
	// Digest is that of the rows.
	Digest string
	// Errors and Warnings describe mistakes in the rows.
	Errors, Warnings []roster.Problem
}

// Want is a Userland as a row means it to be.
type Want struct {
	// Name of the Userland.
	Name string
	// Row is where it comes from.
	Row roster.Row
	// Found is the one there is; nil: it has to be made.
	Found *v1alpha1.Userland
	// Replaces is the value of ReplacesAnnotation for a Userland that is made; empty if it
	// has none.
	Replaces types.UID
}

// Make compares the rows with what there is. It changes none of its arguments
// and keeps references to the Userlands.
func Make(course *v1alpha1.Course, userlands []v1alpha1.Userland, read roster.Roster, now time.Time) Plan {
	plan := Plan{Rows: int32(len(read.Rows)), Errors: slices.Clip(read.Errors), Warnings: slices.Clip(read.Warnings)}
	if len(plan.Errors) > 0 {
		return plan
	}
	there := newRegister(course, userlands)
	stays := there.match(&plan, read.Rows)
	if len(plan.Errors) > 0 {
		plan.Wants = nil
		return plan
	}
	plan.Digest = digest(read.Rows)
	leaving, owned := there.leaving(stays)
	plan.guard(there, leaving, owned, read.Rows, now)
	if plan.Held != nil {
		there.tellRespelled(&plan)
	}
	return plan
}

// Recorded returns the record of the guard with which the removals of the Plan may be
// made, given what the status has.
func (p Plan) Recorded(before *v1alpha1.RosterStatus) *v1alpha1.RosterStatus {
	status := v1alpha1.RosterStatus{}
	if before != nil {
		status = *before
	}
	status.Gone, status.Largest = p.Gone, p.Largest
	return &status
}

// Completed returns what the status records once all of the Plan is written.
func (p Plan) Completed() v1alpha1.RosterStatus {
	return v1alpha1.RosterStatus{Digest: p.Digest, Rows: p.Rows, Largest: max(p.Largest, p.Rows-p.Files), Gone: p.Gone}
}

func (p *Plan) fail(row roster.Row, cause, cure string) {
	p.Errors = append(p.Errors, roster.Problem{Place: row.Place, Cause: cause, Cure: cure})
}

func (p *Plan) warn(row roster.Row, cause, cure string) {
	p.Warnings = append(p.Warnings, roster.Problem{Place: row.Place, Cause: cause, Cure: cure})
}
