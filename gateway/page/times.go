package page

import (
	"fmt"
	"time"
	_ "time/tzdata" // images of the gateway have no database of time zones

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Times writes times and durations for people of one language, on the clocks of
// one place.
type Times struct {
	Lang Lang
	Zone *time.Location
	Now  time.Time
}

// ZoneOf is the time zone of a course: that of its timetable, else UTC.
func ZoneOf(c *v1alpha1.Course) *time.Location {
	if c == nil || c.Spec.Timetable == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(c.Spec.Timetable.TimeZone)
	if err != nil {
		return time.UTC // the Course says TimetableInvalid
	}
	return zone
}

// Stamp is a time for machines.
func (t Times) Stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// Clock is the time of day, as 17:40.
func (t Times) Clock(at time.Time) string { return at.In(t.Zone).Format("15:04") }

// Date is a day, with its year where that is not the present one.
func (t Times) Date(at time.Time) string {
	local := at.In(t.Zone)
	text := t.Lang.Text("time.date", "day", local.Day(), "month", t.Lang.Text("time.month."+local.Format("1")),
		"weekday", t.Lang.Text("time.weekday."+local.Format("Mon")))
	if local.Year() != t.Now.In(t.Zone).Year() {
		return t.Lang.Text("time.year", "date", text, "year", local.Year())
	}
	return text
}

// At is a day and a time of day; the day is left out if it is today.
func (t Times) At(at time.Time) string {
	if at.In(t.Zone).Format(time.DateOnly) == t.Now.In(t.Zone).Format(time.DateOnly) {
		return t.Clock(at)
	}
	return t.Lang.Text("time.at", "date", t.Date(at), "clock", t.Clock(at))
}

// Ago is how long ago something was: within a day as a duration, before as a date.
func (t Times) Ago(at time.Time) string {
	switch since := t.Now.Sub(at); {
	case since < time.Minute:
		return t.Lang.Text("time.ago.now")
	case since < time.Hour:
		return t.Lang.Text("time.ago.minutes", "n", int(since.Minutes()))
	case since < 24*time.Hour:
		return t.Lang.Text("time.ago.hours", "n", int(since.Hours()))
	default:
		return t.Date(at)
	}
}

// Span is a duration in round words.
func (t Times) Span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return t.Lang.Count("time.span.seconds", max(1, int((d+time.Second/2)/time.Second)))
	case d < 90*time.Second:
		return t.Lang.Count("time.span.seconds", int((d+5*time.Second)/(10*time.Second))*10)
	case d < 90*time.Minute:
		return t.Lang.Count("time.span.minutes", int((d+time.Minute/2)/time.Minute))
	case d < 48*time.Hour:
		return t.Lang.Count("time.span.hours", int((d+time.Hour/2)/time.Hour))
	default:
		return t.Lang.Count("time.span.days", int(d/(24*time.Hour)))
	}
}

// ZoneName names the place whose clocks are meant, as Asia/Tokyo (UTC+09:00).
func (t Times) ZoneName() string {
	if t.Zone == time.UTC {
		return "UTC"
	}
	return fmt.Sprintf("%s (UTC%s)", t.Zone, t.Now.In(t.Zone).Format("-07:00"))
}
