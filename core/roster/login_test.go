package roster_test

import (
	"testing"

	"github.com/carrel-dev/carrel/core/roster"
)

func TestPerson(t *testing.T) {
	for login, want := range map[string]string{"L6@Example.ac.jp": "l6@example.ac.jp", "ÄÉ": "ÄÉ", "\u212a": "\u212a", "": ""} {
		if got := roster.Person(login); got != want {
			t.Errorf("the person of %q is %q, want %q", login, got, want)
		}
	}
}
