package timetable

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// hostile are the seeds: what people write for "no end", dates at both ends of the
// calendar, odd zones, and far more sessions and days than the kind allows.
var hostile = []struct {
	zone, first, last, start string
	sessions, days           uint16
	minutes, prewarm         int16
}{
	{"Asia/Tokyo", "2027-04-12", "2027-07-29", "09:00", 4, 3, 90, 10},
	{"Europe/Berlin", "2026-10-01", "9999-12-31", "02:30", 4, 10, 90, 10},
	{"America/Santiago", "0001-01-01", "9999-12-31", "00:00", 100, 200, 1440, 720},
	{"Africa/Cairo", "2027-01-01", "2027-12-31", "23:30", 2000, 2, 1440, 0},
	{"Asia/Beirut", "0001-01-01", "0001-01-01", "00:30", 1, 5000, 1, 0},
	{"Pacific/Apia", "2011-12-01", "2012-01-31", "12:00", 7, 9, 1440, 720},
	{"Australia/Lord_Howe", "9999-12-31", "9999-12-31", "01:45", 3, 3, 60, 60},
	{"Africa/Casablanca", "2027-01-01", "", "02:30", 5, 30, 90, 10},
	{"Local", "2027-01-01", "2027-12-31", "09:00", 1, 1, 60, 10},
	{"../../etc/passwd", "2027-01-01", "2027-12-31", "09:00", 1, 1, 60, 10},
	{"UTC", "2027-12-31", "2027-01-01", "09:00", 9, 9, 60, 10},
	{"UTC", "2027-02-30", "", "24:60", 1, 0, -1, -1},
	{"America/Nuuk", "0000-01-01", "9999-12-31", "23:15", 50, 700, 30000, 30000},
}

// timetableOf makes a timetable of many sessions with many days, which random
// decides.
func timetableOf(zone, first, last, start string, sessions, days uint16, minutes, prewarm int16, random *rand.Rand) v1alpha1.Timetable {
	of := v1alpha1.Timetable{TimeZone: zone, Term: v1alpha1.Term{FirstDay: v1alpha1.Date(first), LastDay: v1alpha1.Date(last)}}
	date := func() v1alpha1.Date {
		near := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
		if begin, err := time.Parse(time.DateOnly, first); err == nil && begin.Year() > 0 && begin.Year() < 9998 {
			near = begin
		}
		return v1alpha1.Date(near.AddDate(0, 0, random.IntN(400)).Format(time.DateOnly))
	}
	for range sessions {
		s := v1alpha1.Session{
			Name: "Lab", Start: v1alpha1.TimeOfDay(start), Duration: metav1.Duration{Duration: time.Duration(minutes) * time.Minute},
			Prewarm: &metav1.Duration{Duration: time.Duration(prewarm) * time.Minute},
		}
		if random.IntN(2) == 0 {
			s.Start = v1alpha1.TimeOfDay(fmt.Sprintf("%02d:%02d", random.IntN(24), random.IntN(60)))
		}
		for weekday := range daysPerWeek {
			if random.IntN(3) > 0 {
				s.Weekdays = append(s.Weekdays, v1alpha1.Weekday(time.Weekday(weekday).String()))
			}
		}
		for range days {
			s.Except = append(s.Except, date())
			s.Extra = append(s.Extra, v1alpha1.ExtraSession{Date: date()})
		}
		of.Sessions = append(of.Sessions, s)
	}
	return of
}

func fuzzTimetables(f *testing.F, check func(t *testing.T, of v1alpha1.Timetable, random *rand.Rand)) {
	for i, h := range hostile {
		f.Add(h.zone, h.first, h.last, h.start, h.sessions, h.days, h.minutes, h.prewarm, uint64(i))
	}
	f.Fuzz(func(t *testing.T, zone, first, last, start string, sessions, days uint16, minutes, prewarm int16, seed uint64) {
		if uint32(sessions)*uint32(days+1) > 100_000 {
			t.Skip("more than an object of the API server holds")
		}
		random := rand.New(rand.NewPCG(seed, 0))
		check(t, timetableOf(zone, first, last, start, sessions, days, minutes, prewarm, random), random)
	})
}

// processorTime returns the least processor time that a call takes, of three. The time
// on the clock says little on a busy machine.
func processorTime(t *testing.T, call func()) time.Duration {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	used := func() time.Duration {
		var of syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_THREAD, &of); err != nil {
			t.Fatal(err)
		}
		return time.Duration(of.Utime.Nano() + of.Stime.Nano())
	}
	least := time.Duration(math.MaxInt64)
	for range 3 {
		before := used()
		call()
		least = min(least, used()-before)
	}
	return least
}

// FuzzNew: whatever is written, New costs no more time and memory than in proportion to
// its length, and what it accepts has its last session in the term.
func FuzzNew(f *testing.F) {
	fuzzTimetables(f, func(t *testing.T, of v1alpha1.Timetable, _ *rand.Rand) {
		written := 0
		for _, s := range of.Sessions {
			written += 1 + len(s.Except) + len(s.Extra)
		}
		var table *Table
		var err error
		allocations := testing.AllocsPerRun(1, func() { table, err = New(of) })
		if limit := float64(200 + 20*written); allocations > limit {
			t.Errorf("%.0f allocations for %d sessions and days, want at most %.0f", allocations, written, limit)
		}
		took := processorTime(t, func() { _, _ = New(of) })
		if limit := 5*time.Millisecond + time.Duration(written)*10*time.Microsecond; took > limit {
			t.Errorf("New takes %s for %d sessions and days, want at most %s", took, written, limit)
		}
		if err != nil {
			return
		}
		for _, r := range table.rules {
			if len(r.except)+len(r.extra) > written {
				t.Errorf("%d days are stored, and %d were written", len(r.except)+len(r.extra), written)
			}
		}
	})
}

// FuzzAt: At allocates nothing, looks at few sessions, and agrees with the oracle.
func FuzzAt(f *testing.F) {
	fuzzTimetables(f, func(t *testing.T, of v1alpha1.Timetable, random *rand.Rand) {
		table, err := New(of)
		if err != nil {
			return
		}
		for _, near := range []string{string(of.Term.FirstDay), string(of.Term.LastDay), "2027-06-01"} {
			now, err := time.Parse(time.DateOnly, near)
			if err != nil {
				continue
			}
			now = now.Add(time.Duration(random.Int64N(int64(72*time.Hour)))).Truncate(time.Minute).AddDate(0, 0, -1)
			// The mean of many runs: a fuzzing process allocates beside the test.
			if allocations := testing.AllocsPerRun(50, func() { table.At("a", now) }); allocations > 0 {
				t.Errorf("At(%v) allocates %.0f times", now, allocations)
			}
			took := processorTime(t, func() { table.At("a", now) })
			if limit := time.Millisecond + time.Duration(len(of.Sessions))*10*time.Microsecond; took > limit {
				t.Errorf("At(%v) takes %s for %d sessions, want at most %s", now, took, len(of.Sessions), limit)
			}
			checkWork(t, table, now)
			if year := now.Year(); year >= 1973 && year < 2100 && len(of.Sessions) < 10 {
				checkMoment(t, table, of, now)
			}
		}
	})
}

// checkWork counts at how many occurrences At looks. Two weekly ones of a session may
// be in progress, or being prewarmed, and one comes next.
func checkWork(t *testing.T, table *Table, now time.Time) {
	t.Helper()
	for i := range table.rules {
		r := &table.rules[i]
		extra := 0
		for _, e := range r.extra {
			if e.begin.Add(maxDuration).After(now) && e.begin.Add(-maxPrewarm-maxDuration).Before(now) {
				extra++
			}
		}
		looked := 0
		for c := r.from(now); ; looked++ {
			if o, found := c.next(); !found || o.Warm.After(now) {
				break
			}
		}
		if looked > 3+extra {
			t.Errorf("At looks at %d occurrences of a session around %v, which has %d extra days there", looked, now, extra)
		}
	}
}

// checkMoment compares a moment with the oracle, which sees eight days ahead.
func checkMoment(t *testing.T, table *Table, of v1alpha1.Timetable, now time.Time) {
	t.Helper()
	const ahead = 8 * 24 * time.Hour
	w := watch(table.zone, naiveCalendar(now.Year()-1), now.AddDate(0, 0, -5), now.Add(ahead+48*time.Hour), time.Minute)
	var all []Occurrence
	for _, s := range of.Sessions {
		all = append(all, w.takesPlace(of, s)...)
	}
	want := naiveMoment(all, table.over, now)
	got := table.At("", now)
	if got.Next.After(now.Add(ahead)) && want.Next.After(now.Add(ahead)) || got.Next.IsZero() && want.Next.IsZero() {
		got.Next, want.Next = time.Time{}, time.Time{}
	}
	if want.Next.IsZero() && got.Next.After(now.Add(ahead)) {
		got.Next = time.Time{}
	}
	if !sameMoment(got, want) {
		t.Errorf("in %s at %v (-want +got):\n%s", of.TimeZone, now, cmp.Diff(want, got))
	}
	begins := func(o Occurrence) bool { return o.Begin.After(now.Add(ahead)) || !o.End.After(now) }
	var near []Occurrence
	for o := range table.From(now) {
		if o.Begin.After(now.Add(ahead)) {
			break
		}
		near = append(near, o)
	}
	all = slices.DeleteFunc(all, begins)
	slices.SortStableFunc(all, func(a, b Occurrence) int { return a.Begin.Compare(b.Begin) })
	if !slices.EqualFunc(near, all, func(a, b Occurrence) bool { return a.Begin.Equal(b.Begin) }) {
		t.Errorf("in %s from %v (-want +got):\n%s", of.TimeZone, now, cmp.Diff(all, near))
	}
}

// What a table costs does not depend on the length of the term.
func TestLongTermCostsNothing(t *testing.T) {
	short, long := spring(lab(), lab(), lab(), lab()), spring(lab(), lab(), lab(), lab())
	long.Term.LastDay = "9999-12-31"
	endless := spring(lab(), lab(), lab(), lab())
	endless.Term.LastDay = ""
	allocations := func(of v1alpha1.Timetable) float64 {
		return testing.AllocsPerRun(10, func() {
			if _, err := New(of); err != nil {
				t.Error(err)
			}
		})
	}
	if s, l, e := allocations(short), allocations(long), allocations(endless); l != s || e > s {
		t.Errorf("a term of 8,000 years costs %.0f allocations, one without an end %.0f, and one of 16 weeks %.0f", l, e, s)
	}
}

func BenchmarkNew(b *testing.B) {
	of := timetableOf("Europe/Berlin", "2026-10-01", "9999-12-31", "09:00", 4, 10, 90, 10, rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(of); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAt(b *testing.B) {
	for _, sessions := range []uint16{4, 100} {
		b.Run(fmt.Sprintf("%d-sessions", sessions), func(b *testing.B) {
			table, err := New(timetableOf("Europe/Berlin", "2026-10-01", "9999-12-31", "09:00", sessions, 200, 90, 10, rand.New(rand.NewPCG(1, 2))))
			if err != nil {
				b.Fatal(err)
			}
			now := time.Date(2027, 5, 3, 8, 0, 0, 0, time.UTC)
			b.ReportAllocs()
			for b.Loop() {
				table.At("a", now)
			}
		})
	}
}
