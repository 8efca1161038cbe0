package plan

import (
	"fmt"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/carrel-dev/carrel/core/roster"
)

// Typo is a student who is added with a login that is probably a misspelling of that of
// a student who is removed, or its correction.
type Typo struct {
	User string `json:"user"`
	From string `json:"from"`
}

// maxTypo is the largest number of characters in which two spellings of one login differ.
const maxTypo = 2

// typos fills in the pairs of Added and Removed that are probably one person: those whose
// logins look alike, those of one name whose logins differ little, and a single pair whose
// logins differ in one character.
func (p *Plan) typos() {
	for _, seat := range p.Added {
		for _, gone := range p.Removed {
			edits := roster.Distance(seat.User, gone.User)
			if look(seat.User) == look(gone.User) || seat.Name != "" && seat.Name == gone.Name && edits <= maxTypo || len(p.Added) == 1 && len(p.Removed) == 1 && edits == 1 {
				p.Typos = append(p.Typos, Typo{User: seat.User, From: gone.User})
				break
			}
		}
	}
}

// look returns what logins have in common that look alike.
func look(login string) string { return norm.NFKC.String(strings.ToLower(norm.NFKC.String(login))) }

func (t Typo) typoLine() string {
	return fmt.Sprintf("%s → %s: two carrels to the cluster; the work stays with %s", t.From, t.User, t.From)
}
