package page

import (
	"fmt"
	"time"
)

// Times formats times and durations in one language and time zone.
type Times struct {
	Lang Lang
	Zone *time.Location
	Now  time.Time
}

// Stamp formats a time for machines, by RFC 3339.
func (t Times) Stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// Clock formats the time of day, as 17:40.
func (t Times) Clock(at time.Time) string { return at.In(t.Zone).Format("15:04") }

// Date formats a day, with its year unless that is the present one.
func (t Times) Date(at time.Time) string {
	local := at.In(t.Zone)
	text := t.Lang.Text("time.date", "day", local.Day(), "month", t.Lang.Text("time.month."+local.Format("1")),
		"weekday", t.Lang.Text("time.weekday."+local.Format("Mon")))
	if local.Year() != t.Now.In(t.Zone).Year() {
		return t.Lang.Text("time.year", "date", text, "year", local.Year())
	}
	return text
}

// At formats a day and a time of day; only the time of day if the day is today.
func (t Times) At(at time.Time) string {
	if at.In(t.Zone).Format(time.DateOnly) == t.Now.In(t.Zone).Format(time.DateOnly) {
		return t.Clock(at)
	}
	return t.Lang.Text("time.at", "date", t.Date(at), "clock", t.Clock(at))
}

// Ago formats a past time: as a duration within a day, and as a date before.
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

// Span formats a duration, rounded to one unit.
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

// ZoneName formats the time zone, as Asia/Tokyo (UTC+09:00).
func (t Times) ZoneName() string {
	if t.Zone == time.UTC {
		return "UTC"
	}
	return fmt.Sprintf("%s (UTC%s)", t.Zone, t.Now.In(t.Zone).Format("-07:00"))
}
