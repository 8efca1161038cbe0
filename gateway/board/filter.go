package board

import (
	"net/http"
	"strings"
)

// The filters besides the states.
const (
	filterHelp      = "help"
	filterAttention = "attention"
	filterOutdated  = "outdated"
	// filterTeam is followed by the name of a team.
	filterTeam = "team:"
)

// filter selects seats by the query of the page's address. The script filters on the page
// itself, so this serves browsers without script.
type filter struct {
	// Show is a state or one of the filters above; empty selects every seat.
	Show string
	// Find is text that one of the seat's names contains, in any case.
	Find string
}

func filterOf(r *http.Request) filter {
	query := r.URL.Query()
	return filter{Show: query.Get("show"), Find: strings.TrimSpace(query.Get("find"))}
}

func (f filter) matches(s Seat) bool {
	switch f.Show {
	case "":
	case filterHelp:
		if !s.Raised() {
			return false
		}
	case filterAttention:
		if !s.Attention() {
			return false
		}
	case filterOutdated:
		if !s.Outdated {
			return false
		}
	default:
		if team, is := strings.CutPrefix(f.Show, filterTeam); is {
			if s.Team != team {
				return false
			}
		} else if s.State != f.Show {
			return false
		}
	}
	return strings.Contains(strings.ToLower(strings.Join([]string{s.Name, s.User, s.Person, s.Section, s.Team}, "\n")), strings.ToLower(f.Find))
}

// selected returns the seats that match.
func (f filter) selected(seats []Seat) []Seat {
	var found []Seat
	for _, s := range seats {
		if f.matches(s) {
			found = append(found, s)
		}
	}
	return found
}
