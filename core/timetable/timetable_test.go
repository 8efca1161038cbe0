package timetable

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// spring is a term of Mondays and Thursdays in Tokyo.
func spring(sessions ...v1alpha1.Session) v1alpha1.Timetable {
	return v1alpha1.Timetable{TimeZone: "Asia/Tokyo", Term: v1alpha1.Term{FirstDay: "2027-04-12", LastDay: "2027-07-29"}, Sessions: sessions}
}

func lab(sections ...string) v1alpha1.Session {
	return v1alpha1.Session{Name: "Lab", Weekdays: []v1alpha1.Weekday{"Monday", "Thursday"}, Start: "09:00", Sections: sections,
		Duration: metav1.Duration{Duration: 90 * time.Minute}}
}

func with(s v1alpha1.Session, edit func(*v1alpha1.Session)) v1alpha1.Session {
	edit(&s)
	return s
}

// at reads a time on the clocks of a zone.
func at(t *testing.T, zone, clock string) time.Time {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	moment, err := time.ParseInLocation("2006-01-02 15:04", clock, location)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// Each line of a story is a time on the class's clocks and what somebody of a
// section finds then: in session, over or free, and until when.
func TestAt(t *testing.T) {
	berlin := func(first, last v1alpha1.Date, s v1alpha1.Session) v1alpha1.Timetable {
		return v1alpha1.Timetable{TimeZone: "Europe/Berlin", Term: v1alpha1.Term{FirstDay: first, LastDay: last}, Sessions: []v1alpha1.Session{s}}
	}
	inSantiago := func(last v1alpha1.Date, edit func(*v1alpha1.Session)) v1alpha1.Timetable {
		return v1alpha1.Timetable{TimeZone: "America/Santiago", Term: v1alpha1.Term{FirstDay: "2027-08-30", LastDay: last}, Sessions: []v1alpha1.Session{with(lab(), edit)}}
	}
	night := with(lab(), func(s *v1alpha1.Session) { s.Start, s.Duration.Duration = "23:30", 2*time.Hour })
	tests := []struct {
		name      string
		timetable v1alpha1.Timetable
		section   string
		story     []string
	}{
		{"a week of a term", spring(lab()), "", []string{
			"2027-04-11 12:00 free until 2027-04-12 08:50",
			"2027-04-12 08:49 free until 2027-04-12 08:50",
			"2027-04-12 08:50 session until 2027-04-12 10:30",
			"2027-04-12 10:29 session until 2027-04-12 10:30",
			"2027-04-12 10:30 free until 2027-04-15 08:50",
		}},
		{"the end of the term", spring(lab()), "", []string{
			"2027-07-29 10:00 session until 2027-07-29 10:30",
			"2027-07-29 10:30 free until 2027-07-30 00:00",
			"2027-07-30 00:00 over",
			"2027-08-02 09:00 over",
		}},
		{"no sessions at all", spring(), "", []string{"2027-05-01 09:00 free until 2027-07-30 00:00", "2027-07-30 00:00 over"}},
		{"days it does not take place, and others it does", spring(with(lab(), func(s *v1alpha1.Session) {
			s.Except = []v1alpha1.Date{"2027-04-15", "2027-04-19"}
			s.Extra = []v1alpha1.ExtraSession{
				{Date: "2027-04-17", Start: "13:00"},
				{Date: "2027-08-05", Duration: &metav1.Duration{Duration: 3 * time.Hour}},
			}
		})), "", []string{
			"2027-04-15 09:30 free until 2027-04-17 12:50",
			"2027-04-17 13:30 session until 2027-04-17 14:30",
			"2027-04-17 14:30 free until 2027-04-22 08:50",
			"2027-07-30 00:00 over until 2027-08-05 08:50",
			"2027-08-05 11:59 session until 2027-08-05 12:00",
			"2027-08-05 12:00 over",
		}},
		{"another section's session", spring(lab("a")), "b", []string{"2027-04-12 09:30 free until 2027-07-30 00:00"}},
		{"nobody's section", spring(lab("a")), "", []string{"2027-04-12 09:30 free until 2027-07-30 00:00"}},
		{"sections that overlap", spring(lab("a"), with(lab("a", "b"), func(s *v1alpha1.Session) { s.Start = "10:00" })), "a", []string{
			"2027-04-12 09:00 session until 2027-04-12 09:50",
			"2027-04-12 10:29 session until 2027-04-12 10:30",
			"2027-04-12 10:30 session until 2027-04-12 11:30",
		}},
		{"prewarmed for an hour", spring(with(lab(), func(s *v1alpha1.Session) { s.Prewarm = &metav1.Duration{Duration: time.Hour} })), "", []string{
			"2027-04-12 07:59 free until 2027-04-12 08:00", "2027-04-12 08:00 session until 2027-04-12 10:30",
		}},
		{"over midnight, and over the end of the term", spring(night), "", []string{
			"2027-04-13 01:00 session until 2027-04-13 01:30",
			"2027-07-29 23:59 session until 2027-07-30 01:30",
			"2027-07-30 01:29 session until 2027-07-30 01:30",
			"2027-07-30 01:30 over",
		}},
		{"a leap day", v1alpha1.Timetable{TimeZone: "UTC", Term: v1alpha1.Term{FirstDay: "2028-02-28", LastDay: "2028-03-01"},
			Sessions: []v1alpha1.Session{with(lab(), func(s *v1alpha1.Session) { s.Weekdays = []v1alpha1.Weekday{"Tuesday"} })}}, "", []string{
			"2028-02-28 09:30 free until 2028-02-29 08:50", "2028-02-29 09:30 session until 2028-02-29 10:30", "2028-03-01 12:00 free until 2028-03-02 00:00",
		}},
		// On 28 March 2027 the clocks of Berlin go from 02:00 to 03:00.
		{"an hour the clocks skip", berlin("2027-03-28", "2027-03-28", with(lab(), func(s *v1alpha1.Session) {
			s.Weekdays, s.Start = []v1alpha1.Weekday{"Sunday"}, "02:30"
		})), "", []string{"2027-03-28 03:29 session until 2027-03-28 05:00"}},
		{"as long as it says, though the clocks skip an hour", berlin("2027-03-28", "2027-03-28", with(lab(), func(s *v1alpha1.Session) {
			s.Weekdays, s.Start = []v1alpha1.Weekday{"Sunday"}, "01:30"
		})), "", []string{"2027-03-28 01:30 session until 2027-03-28 04:00"}},
		{"at the same time of day on both sides of it", berlin("2027-03-27", "2027-03-29", with(lab(), func(s *v1alpha1.Session) {
			s.Weekdays = []v1alpha1.Weekday{"Saturday", "Monday"}
		})), "", []string{"2027-03-27 09:30 session until 2027-03-27 10:30", "2027-03-29 09:30 session until 2027-03-29 10:30"}},
		// On 31 October 2027 the clocks of Berlin go from 03:00 back to 02:00.
		{"an hour that the clocks show twice", berlin("2027-10-31", "2027-10-31", with(lab(), func(s *v1alpha1.Session) {
			s.Weekdays, s.Start = []v1alpha1.Weekday{"Sunday"}, "02:30"
		})), "", []string{"2027-10-31 01:00 free until 2027-10-31 02:20", "2027-10-31 02:59 session until 2027-10-31 03:00", "2027-10-31 03:00 free until 2027-11-01 00:00"}},
		// On 5 September 2027 the clocks of Santiago go from 00:00 to 01:00.
		{"a day without midnight that is excepted", inSantiago("2027-12-01", func(s *v1alpha1.Session) {
			s.Weekdays, s.Except = []v1alpha1.Weekday{"Sunday"}, []v1alpha1.Date{"2027-09-05"}
		}), "", []string{"2027-09-05 09:30 free until 2027-09-12 08:50"}},
		{"a last day without midnight", inSantiago("2027-09-05", func(s *v1alpha1.Session) { s.Weekdays = []v1alpha1.Weekday{"Sunday"} }), "", []string{
			"2027-09-05 09:30 session until 2027-09-05 10:30", "2027-09-05 10:30 free until 2027-09-06 00:00", "2027-09-06 00:00 over",
		}},
		{"the day after it", inSantiago("2027-12-01", func(s *v1alpha1.Session) { s.Weekdays = []v1alpha1.Weekday{"Saturday", "Monday"} }), "", []string{
			"2027-09-04 09:30 session until 2027-09-04 10:30", "2027-09-04 10:30 free until 2027-09-06 08:50", "2027-09-06 09:30 session until 2027-09-06 10:30",
		}},
		// On 27 March 2027 the clocks of Nuuk go from 23:00 to midnight.
		{"a session that the clocks move past midnight", v1alpha1.Timetable{TimeZone: "America/Nuuk", Term: v1alpha1.Term{FirstDay: "2027-03-22", LastDay: "2027-03-28"},
			Sessions: []v1alpha1.Session{with(lab(), func(s *v1alpha1.Session) { s.Weekdays, s.Start = []v1alpha1.Weekday{"Saturday"}, "23:30" })}}, "", []string{
			"2027-03-28 00:15 free until 2027-03-28 00:20", "2027-03-28 01:45 session until 2027-03-28 02:00", "2027-03-28 02:00 free until 2027-03-29 00:00",
		}},
		{"weeks on end that it does not take place", spring(with(lab(), func(s *v1alpha1.Session) {
			s.Except = []v1alpha1.Date{"2027-05-03", "2027-04-29", "2027-05-06", "2027-05-10", "2027-05-04"}
		})), "", []string{"2027-04-26 12:00 free until 2027-05-13 08:50", "2027-05-04 12:00 free until 2027-05-13 08:50"}},
	}
	endless := spring(lab())
	endless.Term.LastDay = ""
	tests = append(tests, struct {
		name      string
		timetable v1alpha1.Timetable
		section   string
		story     []string
	}{"a term without an end", endless, "", []string{
		"2027-04-11 12:00 free until 2027-04-12 08:50", "2027-08-02 09:00 session until 2027-08-02 10:30", "9998-01-01 12:00 free until 9998-01-05 08:50",
	}})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table, err := New(test.timetable)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range test.story {
				now := at(t, test.timetable.TimeZone, line[:len("2006-01-02 15:04")])
				if got := line[:len("2006-01-02 15:04")+1] + tell(table.At(test.section, now), table.zone); got != line {
					t.Errorf("got  %s\nwant %s", got, line)
				}
			}
		})
	}
}

func tell(m Moment, zone *time.Location) string {
	words := "free"
	switch {
	case m.InSession() && m.Over:
		words = "session and over"
	case m.InSession():
		words = "session"
	case m.Over:
		words = "over"
	}
	if !m.Next.IsZero() {
		words += " until " + m.Next.In(zone).Format("2006-01-02 15:04")
	}
	return words
}

func TestNewRefuses(t *testing.T) {
	for field, edit := range map[string]func(*v1alpha1.Timetable){
		"spec.timetable.timeZone: there is no time zone \"Asia/Tokio\"":          func(t *v1alpha1.Timetable) { t.TimeZone = "Asia/Tokio" },
		"spec.timetable.timeZone: there is no time zone \"Local\"":               func(t *v1alpha1.Timetable) { t.TimeZone = "Local" },
		"spec.timetable.term.firstDay: there is no day \"2027-02-30\"":           func(t *v1alpha1.Timetable) { t.Term.FirstDay = "2027-02-30" },
		"spec.timetable.term.lastDay: there is no day":                           func(t *v1alpha1.Timetable) { t.Term.LastDay = "2027-09-31" },
		"spec.timetable.sessions[0].except[1]: there is no day \"2027-06-31\"":   func(t *v1alpha1.Timetable) { t.Sessions[0].Except = []v1alpha1.Date{"2027-06-01", "2027-06-31"} },
		"spec.timetable.sessions[0].extra[0].date: there is no day":              func(t *v1alpha1.Timetable) { t.Sessions[0].Extra = []v1alpha1.ExtraSession{{Date: "2027-02-29"}} },
		"spec.timetable.sessions[0].start: \"9\" is no time of day: write it as": func(t *v1alpha1.Timetable) { t.Sessions[0].Start = "9" },
		"spec.timetable.sessions[0].duration: 25h0m0s is out of range":           func(t *v1alpha1.Timetable) { t.Sessions[0].Duration.Duration = 25 * time.Hour },
		"spec.timetable.sessions[0].duration: 0s is out of range":                func(t *v1alpha1.Timetable) { t.Sessions[0].Duration.Duration = 0 },
		"spec.timetable.sessions[0].prewarm: 13h0m0s is out of range":            func(t *v1alpha1.Timetable) { t.Sessions[0].Prewarm = &metav1.Duration{Duration: 13 * time.Hour} },
		"spec.timetable.sessions[0].extra[0].duration: 25h0m0s is out of range": func(t *v1alpha1.Timetable) {
			t.Sessions[0].Extra = []v1alpha1.ExtraSession{{Date: "2027-04-17", Duration: &metav1.Duration{Duration: 25 * time.Hour}}}
		},
	} {
		timetable := spring(lab())
		edit(&timetable)
		if _, err := New(timetable); err == nil || !strings.HasPrefix(err.Error(), field) {
			t.Errorf("got %v, want %s...", err, field)
		}
	}
}

func TestSummary(t *testing.T) {
	table, err := New(spring(lab(), with(lab("a", "b"), func(s *v1alpha1.Session) { s.Name, s.Start = "Talk", "10:00" })))
	if err != nil {
		t.Fatal(err)
	}
	type summary struct{ Text, Until string }
	for now, want := range map[string]summary{
		"2027-04-01 09:00": {"Mon 12 Apr 2027 09:00–10:30 Lab", "2027-04-12 09:00"},
		"2027-04-12 09:30": {"now, until 10:30 Lab", "2027-04-12 10:30"},
		"2027-04-12 10:15": {"now, until 10:30 Lab; now, until 11:30 Talk (a, b)", "2027-04-12 10:30"},
		"2027-04-12 12:00": {"Thu 15 Apr 2027 09:00–10:30 Lab", "2027-04-15 09:00"},
		"2027-07-29 12:00": {"no more sessions; the term ends Thu 29 Jul 2027", "2027-07-30 00:00"},
		"2027-07-30 00:00": {"the term is over", ""},
	} {
		text, until := table.Summary(at(t, "Asia/Tokyo", now))
		got := summary{Text: text}
		if !until.IsZero() {
			got.Until = until.In(table.zone).Format("2006-01-02 15:04")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("at %s (-want +got):\n%s", now, diff)
		}
	}
}

// However much a teacher writes, a summary fits into a status.
func TestSummaryIsShort(t *testing.T) {
	var sections []string
	for i := range 100 {
		sections = append(sections, fmt.Sprintf("%063d", i))
	}
	var sessions []v1alpha1.Session
	for range 100 {
		sessions = append(sessions, with(lab(sections...), func(s *v1alpha1.Session) { s.Name = strings.Repeat("x", 63) }))
	}
	table, err := New(spring(sessions...))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := table.Summary(at(t, "Asia/Tokyo", "2027-04-12 09:30"))
	if len(text) > 4096 || !strings.HasSuffix(text, " and 95 more); and 95 more") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// What is said never changes before it is said to.
func TestNothingChangesBeforeNext(t *testing.T) {
	table, err := New(spring(lab(), with(lab("a"), func(s *v1alpha1.Session) { s.Start, s.Duration.Duration = "22:00", 5*time.Hour })))
	if err != nil {
		t.Fatal(err)
	}
	now := at(t, "Asia/Tokyo", "2027-04-10 00:00")
	before, text := table.At("a", now), ""
	changes := 0
	for next := now; next.Before(at(t, "Asia/Tokyo", "2027-04-20 00:00")); next = next.Add(10 * time.Minute) {
		m := table.At("a", next)
		if changed := m.InSession() != before.InSession() || m.Over != before.Over; changed {
			changes++
			if next.Before(before.Next) {
				t.Fatalf("at %v it is otherwise than was said to last until %v", next, before.Next)
			}
		}
		before = m
		words, until := table.Summary(next)
		if words == text && !until.After(next) {
			t.Fatalf("at %v the summary is to be looked at in the past", next)
		}
		text = words
	}
	if changes < 8 {
		t.Errorf("only %d changes in more than a week", changes)
	}
}
