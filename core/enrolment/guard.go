package enrolment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

const (
	// leastOfPercent is the number of removals that any percentage allows, so that a
	// small class can lose a student.
	leastOfPercent = 3
	// mostUnconfirmed bounds what a limit lets pass, since the status records it.
	mostUnconfirmed = 10_000
)

// defaultMaxRemovals holds for a Course of before there was a guard.
var defaultMaxRemovals = intstr.FromString("10%")

// guard lets removals pass or holds them, and sets what the status has to record before
// they are made. Owned counts the Userlands of the Course, those that leave included.
func (p *Plan) guard(r *register, leaving []*v1alpha1.Userland, owned int, rows []roster.Row, now time.Time) {
	course, before := r.course, v1alpha1.RosterStatus{}
	if course.Status.Roster != nil {
		before = *course.Status.Roster
	}
	confirm := confirmation(before.Digest, p.Digest)
	past := recall(before.Gone)
	if before.Held == nil || before.Held.Confirm != confirm {
		// For a removal that is held, time stands still: it would pass unconfirmed.
		past.forget(now)
	}
	past.bringBack(r, rows)
	p.Largest, p.Gone = before.Largest, past.days()
	if len(leaving) == 0 {
		return
	}
	// What has been added of the change meanwhile must not make it look smaller.
	present := owned
	if before.Digest != "" {
		present = max(min(owned, int(before.Rows)), len(leaving))
	}
	of := max(present, int(before.Largest))
	everybody := len(leaving) >= present || p.Rows == 0
	for _, u := range leaving {
		past.add(r.carrel(u.User(), u.Spec.TemplateName), now)
	}
	total := len(past)
	switch {
	case course.Spec.Guard.Confirm == confirm:
		// A confirmation clears the removals that were counted before it.
		p.Largest, p.Gone = p.Rows-p.Files, nil
	case everybody || !MayRemove(course, total, of):
		p.Held = &v1alpha1.HeldRemoval{Removals: int32(len(leaving)), Before: int32(max(total-len(leaving), 0)), Of: int32(of), Confirm: confirm}
		return
	default:
		p.Largest, p.Gone = int32(of), past.days()
	}
	p.Removals = leaving
}

// MayRemove reports whether so many of a class may go without a confirmation.
func MayRemove(course *v1alpha1.Course, removals, of int) bool {
	return removals == 0 || removals < of && removals <= most(course.Spec.Guard.MaxRemovals, of)
}

// most is how many may go without a word.
func most(limit *intstr.IntOrString, of int) int {
	if limit == nil {
		limit = &defaultMaxRemovals
	}
	if limit.Type == intstr.Int {
		return min(limit.IntValue(), mostUnconfirmed)
	}
	percent, err := intstr.GetScaledValueFromIntOrPercent(limit, of, false)
	if err != nil {
		return 0
	}
	return min(max(percent, leastOfPercent), mostUnconfirmed)
}

// confirmation is the word for going from one roster to another, given their digests.
// The former is part of it, so that it is spent when the change is done: it does not
// let the same roster, an empty one for instance, pass again.
func confirmation(from, to string) string { return shortDigest(from + "\n" + to) }

// digest is that of who is on the roster with which Template, in any order.
func digest(rows []roster.Row) string {
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = row.User + "\x00" + row.Template
	}
	slices.Sort(lines)
	return shortDigest(fmt.Sprintf("%q", lines))
}

func shortDigest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Words says a held removal, with the line to commit.
func Words(held v1alpha1.HeldRemoval) string {
	text := fmt.Sprintf("held: would remove %d of %d", held.Removals, held.Of)
	if held.Before > 0 {
		text += fmt.Sprintf(", which makes %d within 7 days", held.Removals+held.Before)
	}
	return text + fmt.Sprintf("; to confirm, set spec.guard.confirm: %q", held.Confirm)
}
