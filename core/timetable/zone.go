package timetable

import (
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// ZoneOf returns the time zone of a course; UTC if it has no timetable, or one with the
// reason TimetableInvalid.
func ZoneOf(c *v1alpha1.Course) *time.Location {
	if c == nil || c.Spec.Timetable == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(c.Spec.Timetable.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}
