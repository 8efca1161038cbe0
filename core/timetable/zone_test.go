package timetable_test

import (
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

func TestZoneOfACourseThatHasNone(t *testing.T) {
	for _, c := range []*v1alpha1.Course{nil, {}, {Spec: v1alpha1.CourseSpec{Timetable: &v1alpha1.Timetable{TimeZone: "Moon/Copernicus"}}}} {
		if timetable.ZoneOf(c) != time.UTC {
			t.Errorf("%+v: want UTC", c)
		}
	}
}
