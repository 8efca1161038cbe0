package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/page"
)

// head is the content of the board above the seats.
type head struct {
	Course   string
	Counts   []count
	Total    int
	Hands    []Seat
	Troubles []trouble
	Sessions []sessionText
	// Now is set while one of Sessions is in progress. Otherwise they are the next ones.
	Now       bool
	Report    *v1alpha1.ReportStatus
	Notice    string
	Suspended bool
	Times     page.Times
	Filter    filter
}

// count is a filter with the number of seats that match it.
type count struct {
	// Show is the filter. Style is the class of its state in the style sheet; empty for
	// filters that are no states.
	Show, Style string
	// Key identifies the filter's text.
	Key string
	N   int
	// Left and Width place the filter's part of the bar, in thousandths.
	Left, Width int
}

// trouble is a reason for which seats need attention.
type trouble struct {
	Reason, Message string
	Seats           []Seat
}

// fewNames is the largest number of names shown with a trouble.
const fewNames = 12

// Few returns the seats whose names are shown.
func (t trouble) Few() []Seat { return t.Seats[:min(fewNames, len(t.Seats))] }

// More returns the number of seats whose names are not shown.
func (t trouble) More() int { return len(t.Seats) - len(t.Few()) }

type sessionText struct {
	When, Name, Sections string
}

func headOf(course *v1alpha1.Course, seats []Seat, times page.Times) head {
	h := head{
		Course: course.Name, Total: len(seats), Counts: counts(seats), Troubles: troubles(seats),
		Report: course.Status.Report, Notice: course.Spec.Notice, Suspended: course.Spec.Suspend,
		Times: times,
	}
	for _, s := range seats {
		if s.Raised() {
			h.Hands = append(h.Hands, s)
		}
	}
	slices.SortFunc(h.Hands, func(a, b Seat) int { return cmp.Or(a.Hand.Compare(b.Hand), strings.Compare(a.Name, b.Name)) })
	h.Sessions, h.Now = sessions(course, times)
	return h
}

// counts returns one count for each state that occurs, and for each other filter that
// matches a seat.
func counts(seats []Seat) []count {
	byState := map[string]int{}
	help, outdated := 0, 0
	for _, s := range seats {
		byState[s.State]++
		if s.Raised() {
			help++
		}
		if s.Outdated {
			outdated++
		}
	}
	var all []count
	left := 0
	for _, state := range statesOf(byState) {
		n := byState[state]
		width := n * 1000 / len(seats)
		all = append(all, count{Show: state, Style: Seat{State: state}.Style(), Key: "state." + state, N: n, Left: left, Width: width})
		left += width
	}
	if outdated > 0 {
		all = append(all, count{Show: filterOutdated, Key: "board.filter.outdated", N: outdated})
	}
	if help > 0 {
		all = append(all, count{Show: filterHelp, Key: "board.filter.help", N: help})
	}
	return all
}

// statesOf returns the states that occur: first those that this version knows, in the
// order of states, and then the others by name.
func statesOf(byState map[string]int) []string {
	var found []string
	for state := range byState {
		if state != "" {
			found = append(found, state)
		}
	}
	rank := func(state string) int {
		if i := slices.Index(states, state); i >= 0 {
			return i
		}
		return len(states)
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(rank(a)-rank(b), strings.Compare(a, b)) })
	return found
}

// troubles returns the reasons for which seats need attention, the most frequent first.
func troubles(seats []Seat) []trouble {
	byReason := map[string]*trouble{}
	for _, s := range seats {
		if !s.Attention() {
			continue
		}
		t := byReason[s.Reason]
		if t == nil {
			t = &trouble{Reason: s.Reason, Message: s.Message}
			byReason[s.Reason] = t
		}
		t.Seats = append(t.Seats, s)
	}
	all := make([]trouble, 0, len(byReason))
	for _, t := range byReason {
		slices.SortFunc(t.Seats, func(a, b Seat) int { return strings.Compare(a.Name, b.Name) })
		t.Message = t.Seats[0].Message
		all = append(all, *t)
	}
	slices.SortFunc(all, func(a, b trouble) int {
		return cmp.Or(len(b.Seats)-len(a.Seats), strings.Compare(a.Reason, b.Reason))
	})
	return all
}

// sessions returns the sessions in progress, or the next ones.
func sessions(course *v1alpha1.Course, times page.Times) (texts []sessionText, now bool) {
	if course.Spec.Timetable == nil {
		return nil, false
	}
	table, err := timetable.New(*course.Spec.Timetable)
	if err != nil {
		return nil, false // the Course has the reason TimetableInvalid
	}
	for _, o := range table.Current(times.Now) {
		now = !o.Begin.After(times.Now)
		texts = append(texts, sessionText{
			When: times.At(o.Begin) + "–" + times.Clock(o.End), Name: o.Name, Sections: strings.Join(o.Sections, ", "),
		})
	}
	return texts, now
}

// Short returns the first 7 digits of the reported commit.
func (h head) Short() string {
	if h.Report == nil {
		return ""
	}
	return h.Report.Revision[:min(7, len(h.Report.Revision))]
}

// Reported returns the time of the report. Report must not be nil.
func (h head) Reported() time.Time { return h.Report.Time.Time }
