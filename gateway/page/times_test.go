package page

import (
	"testing"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
)

func TestTimes(t *testing.T) {
	now := time.Date(2027, 4, 12, 1, 0, 0, 0, time.UTC) // Monday, 10:00 in Tokyo
	tokyo := timetable.ZoneOf(&v1alpha1.Course{Spec: v1alpha1.CourseSpec{Timetable: &v1alpha1.Timetable{TimeZone: "Asia/Tokyo"}}})
	en, ja := Times{English, tokyo, now}, Times{Japanese, tokyo, now}
	for _, test := range []struct{ name, en, ja, wantEN, wantJA string }{
		{"today", en.At(now), ja.At(now), "10:00", "10:00"},
		{"yesterday there, today elsewhere", en.At(now.Add(-10*time.Hour - time.Minute)), ja.At(now.Add(-10*time.Hour - time.Minute)), "Sun 11 Apr, 23:59", "4月11日（日） 23:59"},
		{"last year", en.Date(now.AddDate(-1, 0, 0)), ja.Date(now.AddDate(-1, 0, 0)), "Sun 12 Apr 2026", "2026年4月12日（日）"},
		{"a moment ago", en.Ago(now.Add(-59 * time.Second)), ja.Ago(now), "just now", "たった今"},
		{"minutes ago", en.Ago(now.Add(-90 * time.Second)), ja.Ago(now.Add(-59 * time.Minute)), "1 min ago", "59 分前"},
		{"hours ago", en.Ago(now.Add(-time.Hour)), ja.Ago(now.Add(-23 * time.Hour)), "1 h ago", "23 時間前"},
		{"days ago", en.Ago(now.Add(-24 * time.Hour)), ja.Ago(now.Add(-48 * time.Hour)), "Sun 11 Apr", "4月10日（土）"},
		{"not a second", en.Span(time.Millisecond), ja.Span(0), "1 second", "1 秒"},
		{"seconds", en.Span(7400 * time.Millisecond), ja.Span(7 * time.Second), "7 seconds", "7 秒"},
		{"tens of seconds", en.Span(46 * time.Second), ja.Span(84 * time.Second), "50 seconds", "80 秒"},
		{"minutes", en.Span(91 * time.Second), ja.Span(150 * time.Second), "2 minutes", "3 分"},
		{"hours", en.Span(90 * time.Minute), ja.Span(5 * time.Hour), "2 hours", "5 時間"},
		{"days", en.Span(50 * time.Hour), ja.Span(80 * time.Hour), "2 days", "3 日"},
		{"the place", en.ZoneName(), Times{Japanese, time.UTC, now}.ZoneName(), "Asia/Tokyo (UTC+09:00)", "UTC"},
	} {
		if test.en != test.wantEN || test.ja != test.wantJA {
			t.Errorf("%s: got %q and %q, want %q and %q", test.name, test.en, test.ja, test.wantEN, test.wantJA)
		}
	}
}
