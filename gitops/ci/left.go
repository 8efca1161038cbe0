package ci

import (
	"context"
	"fmt"
	"time"

	"github.com/go-git/go-git/v5"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gitops/history"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// mostLeftDays bounds for how many days git is asked who left a course.
const mostLeftDays = 400

// leftOf returns the carrels that were removed from a course up to base. It looks back
// for twice as long as the Templates keep volumes, so that it also finds work that is
// gone, but no longer than mostLeftDays. It follows first parents, reads rosters and
// single files below courses/ and renders nothing. In a shallow clone it ends where that
// ends.
func leftOf(ctx context.Context, repository *git.Repository, base, course string, now time.Time, templates ...v1alpha1.Template) ([]plan.Departure, error) {
	reader, err := history.New(repository, false)
	if err != nil {
		return nil, err
	}
	from, err := reader.Resolve(base)
	if err != nil {
		return nil, err
	}
	events, err := reader.Events(ctx, history.Query{Course: course, From: from, Since: now.Add(-lookBack(templates))})
	if err != nil {
		return nil, fmt.Errorf("read who left course %s: %w", course, err)
	}
	var left []plan.Departure
	for _, e := range events {
		if e.Kind == history.Removed {
			left = append(left, plan.Departure{User: e.Carrel.User, Template: e.Carrel.Template, At: e.Time})
		}
	}
	return left, nil
}

// lookBack returns twice the longest time for which a Template keeps a volume, at most
// mostLeftDays.
func lookBack(templates []v1alpha1.Template) (longest time.Duration) {
	const most = mostLeftDays * 24 * time.Hour
	for i := range templates {
		for _, volume := range templates[i].Spec.Volumes {
			span, err := timetable.ParsePeriod(plan.RetainOf(volume))
			if err != nil {
				return most // Forever
			}
			longest = max(longest, min(span, most))
		}
	}
	return min(2*longest, most)
}
