package timetable

import (
	"fmt"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// The oracle works out a timetable from a calendar of its own and from what the
// clocks show at every tick. It does no arithmetic on time zones.

// naiveCalendar lists all days from 1 January of a year, for three years.
func naiveCalendar(year int) (days []naiveDay) {
	weekday := 4 // 1 January 1970 was a Thursday
	for y := 1970; y < year+3; y++ {
		for month, length := range []int{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31} {
			if month == 1 && y%4 == 0 && (y%100 != 0 || y%400 == 0) {
				length++
			}
			for d := range length {
				if y >= year {
					days = append(days, naiveDay{y, month + 1, d + 1, []v1alpha1.Weekday{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}[weekday]})
				}
				weekday = (weekday + 1) % 7
			}
		}
	}
	return days
}

type naiveDay struct {
	year, month, day int
	weekday          v1alpha1.Weekday
}

func (d naiveDay) date() v1alpha1.Date {
	return v1alpha1.Date(fmt.Sprintf("%04d-%02d-%02d", d.year, d.month, d.day))
}

const minutesPerDay = 24 * 60

// wallClock records what the clocks of a zone show.
type wallClock struct {
	days []naiveDay
	tick time.Duration
	// from is the instant of the first tick.
	from time.Time
	// shown is the time that the clocks show at each tick, in minutes from the
	// beginning of the first day.
	shown []int
	// dates are the indexes of the days that the calendar shows.
	dates map[int]bool
}

// watch looks at the clocks of a zone at every tick of a time, which must be whole
// minutes. days must cover it.
func watch(zone *time.Location, days []naiveDay, from, to time.Time, tick time.Duration) *wallClock {
	w := &wallClock{days: days, tick: tick, from: from, dates: map[int]bool{}}
	index := map[[3]int]int{}
	for i, d := range days {
		index[[3]int{d.year, d.month, d.day}] = i
	}
	today := -1
	for at := from; at.Before(to); at = at.Add(tick) {
		local := at.In(zone)
		year, month, day := local.Date()
		if today < 0 || days[today].day != day || days[today].month != int(month) || days[today].year != year {
			var found bool
			if today, found = index[[3]int{year, int(month), day}]; !found {
				panic(fmt.Sprintf("the calendar does not cover %v", local))
			}
			w.dates[today] = true
		}
		hour, minute, _ := local.Clock()
		w.shown = append(w.shown, today*minutesPerDay+hour*60+minute)
	}
	return w
}

// when returns the first instant at which the clocks show a time of a day. If they
// skip it, it returns when they would have shown it without the change. It reports
// false if the whole day is skipped, or the instant is not among the ticks.
func (w *wallClock) when(day, minute int) (time.Time, bool) {
	if !w.dates[day] {
		return time.Time{}, false
	}
	want := day*minutesPerDay + minute
	i := slices.IndexFunc(w.shown[w.tickBefore(want):], func(shown int) bool { return shown >= want }) + w.tickBefore(want)
	if i <= w.tickBefore(want) {
		return time.Time{}, false
	}
	if w.shown[i] == want {
		return w.from.Add(time.Duration(i) * w.tick), true
	}
	before := w.from.Add(time.Duration(i-1) * w.tick)
	return before.Add(time.Duration(want-w.shown[i-1]) * time.Minute), true
}

// tickBefore returns a tick two days before the clocks show a time, to start looking.
func (w *wallClock) tickBefore(want int) int {
	return max(0, int(time.Duration(want-w.shown[0]-2*minutesPerDay)*time.Minute/w.tick))
}

// takesPlace returns the occurrences of a session on the days of the clock, without
// those that begin before the first tick or after the last.
func (w *wallClock) takesPlace(t v1alpha1.Timetable, s v1alpha1.Session) (found []Occurrence) {
	except := map[v1alpha1.Date]bool{}
	for _, date := range s.Except {
		except[date] = true
	}
	extra := map[v1alpha1.Date][]v1alpha1.ExtraSession{}
	for _, e := range s.Extra {
		extra[e.Date] = append(extra[e.Date], e)
	}
	for i := range w.days {
		if !w.dates[i] {
			continue
		}
		add := func(start v1alpha1.TimeOfDay, duration time.Duration) {
			if begin, ok := w.when(i, minuteOf(start)); ok {
				prewarm := 10 * time.Minute
				if s.Prewarm != nil {
					prewarm = s.Prewarm.Duration
				}
				found = append(found, Occurrence{s.Name, s.Sections, begin.Add(-prewarm), begin, begin.Add(duration)})
			}
		}
		date := w.days[i].date()
		if date >= t.Term.FirstDay && (date <= t.Term.LastDay || t.Term.LastDay == "") && slices.Contains(s.Weekdays, w.days[i].weekday) && !except[date] {
			add(s.Start, s.Duration.Duration)
		}
		for _, e := range extra[date] {
			start, duration := s.Start, s.Duration.Duration
			if e.Start != "" {
				start = e.Start
			}
			if e.Duration != nil {
				duration = e.Duration.Duration
			}
			add(start, duration)
		}
	}
	return found
}

func minuteOf(start v1alpha1.TimeOfDay) int {
	var hour, minute int
	if _, err := fmt.Sscanf(string(start), "%d:%d", &hour, &minute); err != nil {
		panic(err)
	}
	return hour*60 + minute
}

// naiveMoment says what At should, as far as the occurrences are known.
func naiveMoment(all []Occurrence, over, now time.Time) Moment {
	m := Moment{Over: !over.IsZero() && !now.Before(over)}
	changes := []time.Time{over}
	for _, o := range all {
		if !now.Before(o.Warm) && now.Before(o.End) {
			m.Over = false
			if o.Warm.After(m.Since) {
				m.Since = o.Warm
			}
		}
		changes = append(changes, o.Warm, o.End)
	}
	for _, change := range changes {
		if change.After(now) && (m.Next.IsZero() || change.Before(m.Next)) {
			m.Next = change
		}
	}
	return m
}
