package timetable

import (
	"testing"
	"time"
)

func TestParsePeriod(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"1h": time.Hour, "12h": 12 * time.Hour, "30d": 720 * time.Hour, "99999d": 99999 * 24 * time.Hour,
		"": -1, "7": -1, "d": -1, "Forever": -1, "1w": -1, "-1d": -1, "1.5d": -1, "1000000000d": -1,
	} {
		got, err := ParsePeriod(text)
		if want < 0 && err == nil {
			t.Errorf("%q is read as %v, want it refused", text, got)
		}
		if want >= 0 && (err != nil || got != want) {
			t.Errorf("%q is read as %v (%v), want %v", text, got, err, want)
		}
	}
}
