package timetable

import (
	_ "embed"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// zones lists all zones of the time zone database. `unzip -Z1
// $(go env GOROOT)/lib/time/zoneinfo.zip | grep -v '/$' | sort` writes it.
//
//go:embed testdata/zones.txt
var zones string

// In every zone, over a year, sessions take place on the days and at the times at
// which the calendar and the clocks of that zone show them.
func TestEveryZone(t *testing.T) {
	const year = 2027
	names := strings.Fields(zones)
	if len(names) < 590 {
		t.Fatalf("only %d zones", len(names))
	}
	days := naiveCalendar(year - 1)
	changed := 0
	for _, name := range names {
		changed += checkYear(t, name, year, days)
	}
	if changed < 200 {
		t.Errorf("the clocks changed on only %d days of all zones", changed)
	}
}

// These years have what 2027 has not: a day that is skipped, one that is longer by
// half an hour, and changes that the database knows for one year only.
func TestOddYears(t *testing.T) {
	for _, odd := range []struct {
		zone string
		year int
	}{
		{"Pacific/Apia", 2011}, {"Pacific/Kwajalein", 1993}, {"Australia/Lord_Howe", 2026}, {"Asia/Pyongyang", 2018}, {"Africa/Cairo", 2014},
		{"Asia/Gaza", 2025}, {"America/Caracas", 2016}, {"Antarctica/Troll", 2026}, {"America/Nuuk", 2023}, {"Africa/Casablanca", 2026},
	} {
		if checkYear(t, odd.zone, odd.year, naiveCalendar(odd.year-1)) == 0 {
			t.Errorf("%s: the clocks did not change in %d", odd.zone, odd.year)
		}
	}
}

// checkYear compares a year of a zone with the oracle, and returns on how many days
// the clocks changed, or the date was skipped. days begin with the year before.
func checkYear(t *testing.T, name string, year int, days []naiveDay) (changed int) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	begin := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	w := watch(zone, days, begin.AddDate(0, 0, -4), begin.AddDate(1, 0, 4), 15*time.Minute)
	odd := w.oddDays(year)

	daily := []v1alpha1.Weekday{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	hour := metav1.Duration{Duration: time.Hour}
	spec := v1alpha1.Timetable{TimeZone: name, Term: v1alpha1.Term{FirstDay: days[365].date(), LastDay: days[365+364].date()}, Sessions: []v1alpha1.Session{
		{Weekdays: daily, Start: "00:00", Duration: hour}, {Weekdays: daily, Start: "00:30", Duration: hour, Except: odd},
		{Weekdays: daily, Start: "02:30", Duration: hour}, {Weekdays: daily, Start: "23:30", Duration: metav1.Duration{Duration: 24 * time.Hour}},
		{Weekdays: []v1alpha1.Weekday{"Saturday", "Sunday"}, Start: "01:00", Duration: hour},
		{Weekdays: []v1alpha1.Weekday{"Tuesday"}, Start: "09:00", Duration: hour, Except: []v1alpha1.Date{days[365+5].date(), days[365+12].date()}},
	}}
	for _, date := range odd {
		spec.Sessions[5].Extra = append(spec.Sessions[5].Extra, v1alpha1.ExtraSession{Date: date, Start: "00:15"})
	}
	for _, s := range spec.Sessions {
		alone := spec
		alone.Sessions = []v1alpha1.Session{s}
		table, err := New(alone)
		if err != nil {
			t.Fatal(err)
		}
		got, want := slices.Collect(table.From(time.Time{})), w.takesPlace(alone, s)
		if !slices.EqualFunc(got, want, sameTimes) {
			t.Errorf("%s: the session of %s (-want +got):\n%s", name, s.Start, cmp.Diff(want, got))
			return len(odd)
		}
		if len(got) == 0 {
			t.Errorf("%s: the session of %s never takes place", name, s.Start)
		}
	}
	for _, date := range odd {
		checkLastDay(t, w, spec, date)
	}
	return len(odd)
}

// oddDays returns the days of a year that don't last 24 hours, or are skipped.
func (w *wallClock) oddDays(year int) (odd []v1alpha1.Date) {
	for i, d := range w.days {
		if d.year != year {
			continue
		}
		begin, there := w.when(i, 0)
		end, thereToo := w.when(i+1, 0)
		if !there || thereToo && end.Sub(begin) != 24*time.Hour {
			odd = append(odd, d.date())
		}
	}
	return odd
}

// checkLastDay lets the term end on a day, and on the day before.
func checkLastDay(t *testing.T, w *wallClock, spec v1alpha1.Timetable, last v1alpha1.Date) {
	t.Helper()
	i := slices.IndexFunc(w.days, func(d naiveDay) bool { return d.date() == last })
	for _, i := range []int{i - 1, i} {
		spec.Term.LastDay = w.days[i].date()
		spec.Sessions = spec.Sessions[:3]
		table, err := New(spec)
		if err != nil {
			t.Fatal(err)
		}
		over, there := w.when(i+1, 0)
		if !there {
			continue // the next day is skipped
		}
		var all []Occurrence
		for _, s := range spec.Sessions {
			all = append(all, w.takesPlace(spec, s)...)
		}
		all = slices.DeleteFunc(all, func(o Occurrence) bool { return o.End.Before(over.Add(-48 * time.Hour)) })
		for now := over.Add(-30 * time.Hour); now.Before(over.Add(30 * time.Hour)); now = now.Add(30 * time.Minute) {
			if got, want := table.At("", now), naiveMoment(all, over, now); !sameMoment(got, want) {
				t.Fatalf("%s: the term ends on %s, and at %v (-want +got):\n%s", spec.TimeZone, spec.Term.LastDay, now, cmp.Diff(want, got))
			}
		}
	}
}

func sameTimes(a, b Occurrence) bool {
	return a.Warm.Equal(b.Warm) && a.Begin.Equal(b.Begin) && a.End.Equal(b.End)
}

func sameMoment(a, b Moment) bool {
	return a.Since.Equal(b.Since) && a.Next.Equal(b.Next) && a.Over == b.Over
}
