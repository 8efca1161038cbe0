package enrolment

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

// leastOfPercent is what a percentage lets pass in a small class.
const leastOfPercent = 3

// defaultMaxRemovals holds for a Course of before there was a guard.
var defaultMaxRemovals = intstr.FromString("10%")

// guard lets removals pass or holds them.
func (p *Plan) guard(course *v1alpha1.Course, leaving []*v1alpha1.Userland, owned int) {
	if len(leaving) == 0 {
		return
	}
	// What has been added of the change meanwhile must not make it look smaller.
	of, before := owned, course.Status.Roster
	if before != nil && before.Digest != "" {
		of = max(min(of, int(before.Rows)), len(leaving))
	}
	confirm := confirmation(before, p.Digest)
	everybody := len(leaving) >= of || p.Rows == 0
	if (everybody || len(leaving) > most(course.Spec.Guard.MaxRemovals, of)) && course.Spec.Guard.Confirm != confirm {
		p.Held = &v1alpha1.HeldRemoval{Removals: int32(len(leaving)), Of: int32(of), Confirm: confirm}
		return
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
		return limit.IntValue()
	}
	percent, err := intstr.GetScaledValueFromIntOrPercent(limit, of, false)
	if err != nil {
		return 0
	}
	return max(percent, leastOfPercent)
}

// confirmation is the word for going from one roster to another. The former is
// part of it, so that it is spent when the change is done: it does not let the
// same roster, an empty one for instance, pass again.
func confirmation(before *v1alpha1.RosterStatus, digest string) string {
	from := ""
	if before != nil {
		from = before.Digest
	}
	return shortDigest(from + "\n" + digest)
}

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
	return fmt.Sprintf("held: would remove %d of %d; to confirm, set spec.guard.confirm: %q", held.Removals, held.Of, held.Confirm)
}
