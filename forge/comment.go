package forge

import (
	"context"
	"strings"
	"unicode/utf8"
)

// MaxComment is the longest comment, in characters, that every forge takes:
// GitHub's limit, with room for the mark.
const MaxComment = 65000

// Comments are the comments on the merge requests of one repository. Its errors
// are those of Client.
type Comments interface {
	// Keep makes our comment on a merge request say a text: the one that bears the
	// mark is changed, or one is made. Comments of others are left alone even if
	// they bear it. A text that stands there already costs no write.
	Keep(ctx context.Context, request int64, mark Mark, text string) error
}

// OpenComments makes a client for comments. It sends nothing.
type OpenComments func(Config) (Comments, error)

// A Mark is a hidden word by which a comment is found again. It has letters,
// digits, dashes and slashes only.
type Mark string

func (m Mark) line() string { return "<!-- carrel: " + string(m) + " -->" }

// On is a text with the mark, cut to MaxComment characters.
func (m Mark) On(text string) string {
	if utf8.RuneCountInString(text) > MaxComment {
		text = string([]rune(text)[:MaxComment-1]) + "…"
	}
	return m.line() + "\n" + text
}

// Marks reports whether the body of a comment begins with the mark.
func (m Mark) Marks(body string) bool { return strings.HasPrefix(body, m.line()) }
