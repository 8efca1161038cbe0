package enrolment

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

const (
	// remembered is for how many days the guard remembers a removal.
	remembered = 7
	// carrelBytes is the length of the part of a digest that is stored. Two of 10,000
	// carrels have the same part in one of five million classes.
	carrelBytes = 6
)

// gone holds, by the digest of a carrel, the day in UTC on which it was removed.
type gone map[string]string

// recall returns what a status records.
func recall(days []v1alpha1.GoneUserlands) gone {
	g := gone{}
	for _, day := range days {
		for _, carrel := range day.Carrels {
			g[carrel] = day.Day
		}
	}
	return g
}

// forget drops removals that are older than remembered days. A day in the future was
// written by a clock that was wrong, and becomes today.
func (g gone) forget(now time.Time) {
	today, first := dayOf(now), dayOf(now.AddDate(0, 0, -remembered))
	for carrel, day := range g {
		switch {
		case day < first:
			delete(g, carrel)
		case day > today:
			g[carrel] = today
		}
	}
}

// bringBack drops the carrels that rows or files have.
func (g gone) bringBack(r *register, rows []roster.Row) {
	if len(g) == 0 {
		return
	}
	for _, row := range rows {
		delete(g, r.carrel(row.User, row.Template))
	}
	for _, u := range r.names {
		if !r.owns(u) {
			delete(g, r.carrel(u.User(), u.Spec.TemplateName))
		}
	}
}

// add records a removal. If it was recorded before, it was not made then, or the carrel
// was back in between.
func (g gone) add(carrel string, now time.Time) { g[carrel] = dayOf(now) }

// days returns the record of a status.
func (g gone) days() []v1alpha1.GoneUserlands {
	by := map[string][]string{}
	for carrel, day := range g {
		by[day] = append(by[day], carrel)
	}
	var days []v1alpha1.GoneUserlands
	for day, carrels := range by {
		slices.Sort(carrels)
		days = append(days, v1alpha1.GoneUserlands{Day: day, Carrels: carrels})
	}
	slices.SortFunc(days, func(a, b v1alpha1.GoneUserlands) int { return cmp.Compare(a.Day, b.Day) })
	return days
}

func dayOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// carrel returns the digest of a carrel. It differs from course to course, and is the
// same for a login that is corrected in case.
func (r *register) carrel(user, template string) string {
	k := r.key(roster.Person(user), template)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", r.course.UID, k.user, k.template))
	return base64.RawURLEncoding.EncodeToString(sum[:carrelBytes])
}
