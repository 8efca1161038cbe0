package timetable

import (
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	secondsPerDay = 24 * 60 * 60
	daysPerWeek   = 7
)

// day is a day of the calendar, counted from 1 January 1970. It is a date and not
// an instant: when it begins, and how long it lasts, depends on the time zone.
type day int64

// noLastDay is the last day of a term without an end, which nobody lives to see.
const noLastDay day = 1 << 32

// parseDay reads a date. The error names field.
func parseDay(date v1alpha1.Date, field string) (day, error) {
	// Every day of UTC has 24 hours.
	midnight, err := time.Parse(time.DateOnly, string(date))
	if err != nil {
		return 0, fmt.Errorf("%s: there is no day %q: write it as 2027-04-12", field, date)
	}
	return floorDay(midnight.Unix()), nil
}

// dayOf returns the day that the calendar shows at an instant.
func dayOf(at time.Time, zone *time.Location) day {
	_, offset := at.In(zone).Zone()
	return floorDay(at.Unix() + int64(offset))
}

// floorDay returns the day of a number of seconds since the beginning of day 0.
func floorDay(seconds int64) day {
	d := seconds / secondsPerDay
	if seconds%secondsPerDay < 0 {
		d--
	}
	return day(d)
}

func (d day) weekday() time.Weekday {
	const ofDayZero = time.Thursday
	return time.Weekday(((d+day(ofDayZero))%daysPerWeek + daysPerWeek) % daysPerWeek)
}

// at returns the instant at which the clocks of a zone show a time of this day,
// given as the time since midnight. If they show it twice, at returns the first
// instant. If they skip it, at counts on from the moment of the change: where 02:00
// is followed by 03:00, 02:30 means 03:30.
func (d day) at(sinceMidnight time.Duration, zone *time.Location) time.Time {
	local := int64(d)*secondsPerDay + int64(sinceMidnight/time.Second)
	// No zone is more than a day ahead of UTC.
	period := time.Unix(local-secondsPerDay, 0).In(zone)
	for {
		_, offset := period.Zone()
		instant := time.Unix(local-int64(offset), 0).In(zone)
		_, end := period.ZoneBounds()
		if end.IsZero() || instant.Before(end) || !end.After(period) {
			return instant
		}
		if _, next := end.Zone(); local-int64(next) < end.Unix() {
			return instant // the clocks skip it
		}
		period = end
	}
}

// begin returns at, and whether the calendar of the zone has this day. On moving
// across the date line, Samoa skipped 30 December 2011.
func (d day) begin(sinceMidnight time.Duration, zone *time.Location) (begin time.Time, exists bool) {
	begin = d.at(sinceMidnight, zone)
	return begin, dayOf(begin, zone) == d || d.at(0, zone).Before((d+1).at(0, zone))
}
