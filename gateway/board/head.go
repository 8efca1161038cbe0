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

// head is what stands above the seats.
type head struct {
	Course   string
	Counts   []count
	Total    int
	Hands    []Seat
	Troubles []trouble
	Sessions []sessionText
	// Now is set while a session is in progress.
	Now       bool
	Report    *v1alpha1.ReportStatus
	Notice    string
	Suspended bool
	Times     page.Times
	Filter    filter
}

// count is a filter and how many seats it lets through.
type count struct {
	// Show is the filter; State is its state for the style sheet, if it is one.
	Show, Look string
	Key        string
	N          int
	// Left and Width are its part of the bar, in thousandths.
	Left, Width int
}

// trouble is a reason and who has it.
type trouble struct {
	Reason, Message string
	Seats           []Seat
}

// fewNames is how many names stand with a trouble.
const fewNames = 12

// Few are the first who have it.
func (t trouble) Few() []Seat { return t.Seats[:min(fewNames, len(t.Seats))] }

// More is how many there are beside Few.
func (t trouble) More() int { return len(t.Seats) - len(t.Few()) }

type sessionText struct {
	When, Name, Sections string
}

// headOf is pure.
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

// counts are those of all states that occur, and of the other filters.
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
	for _, state := range inOrder(byState) {
		n := byState[state]
		width := n * 1000 / len(seats)
		all = append(all, count{Show: state, Look: Seat{State: state}.Look(), Key: "state." + state, N: n, Left: left, Width: width})
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

// inOrder are the states that occur: those known first, in their order.
func inOrder(byState map[string]int) []string {
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

// troubles are the reasons that need a person, the most frequent first.
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

// sessions are those in progress, or the next.
func sessions(course *v1alpha1.Course, times page.Times) (texts []sessionText, now bool) {
	if course.Spec.Timetable == nil {
		return nil, false
	}
	table, err := timetable.New(*course.Spec.Timetable)
	if err != nil {
		return nil, false // the Course says TimetableInvalid
	}
	for _, o := range table.Current(times.Now) {
		now = !o.Begin.After(times.Now)
		texts = append(texts, sessionText{
			When: times.At(o.Begin) + "–" + times.Clock(o.End), Name: o.Name, Sections: strings.Join(o.Sections, ", "),
		})
	}
	return texts, now
}

// Short is a commit as people write it.
func (h head) Short() string {
	if h.Report == nil {
		return ""
	}
	return h.Report.Revision[:min(7, len(h.Report.Revision))]
}

// Reported is when the commit was last reported on.
func (h head) Reported() time.Time { return h.Report.Time.Time }
