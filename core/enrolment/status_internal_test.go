package enrolment

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/core/roster"
)

// However long a webhook's refusal is, the API server takes the status that quotes it.
func TestShownProblemsAreShort(t *testing.T) {
	shown := shownProblems([]roster.Problem{{Cause: "the API server refuses the Userland: " + strings.Repeat("ö", 100_000)}})
	if n := utf8.RuneCountInString(shown[0].Cause); n > 4096 || !strings.HasSuffix(shown[0].Cause, "ö…") {
		t.Errorf("the cause has %d characters, want at most 4,096, and a mark where it is cut", n)
	}
}
