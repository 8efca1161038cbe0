package board

import (
	"net/http"
	"strings"
)

// The filters that are no states.
const (
	filterHelp      = "help"
	filterAttention = "attention"
	filterOutdated  = "outdated"
)

// filter chooses seats. The script does the same on the page; this is for
// browsers without.
type filter struct {
	// Show is a state or one of the filters above; empty: all.
	Show string
	// Find is text that the seat's names contain, whatever the case.
	Find string
}

func filterOf(r *http.Request) filter {
	query := r.URL.Query()
	return filter{Show: query.Get("show"), Find: strings.TrimSpace(query.Get("find"))}
}

func (f filter) lets(s Seat) bool {
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
		if s.State != f.Show {
			return false
		}
	}
	return strings.Contains(strings.ToLower(strings.Join([]string{s.Name, s.User, s.Person, s.Section}, "\n")), strings.ToLower(f.Find))
}

// of are the seats that are let through.
func (f filter) of(seats []Seat) []Seat {
	var chosen []Seat
	for _, s := range seats {
		if f.lets(s) {
			chosen = append(chosen, s)
		}
	}
	return chosen
}
