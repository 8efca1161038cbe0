package forge

import (
	"context"
	"strings"
	"unicode/utf8"
)

// MaxComment is the length of the longest comment that every forge accepts, in characters:
// GitHub's limit less room for the mark.
const MaxComment = 65000

// Comments writes comments on the merge requests of one repository. Its errors are those
// of Client.
type Comments interface {
	// Keep sets the text of the comment with a mark on a merge request. It changes the
	// comment that the token's owner made with this mark, or makes one. It leaves the
	// comments of others alone, even if they have the mark. It writes nothing if the
	// comment has the text already.
	Keep(ctx context.Context, request int64, mark Mark, text string) error
}

// OpenComments makes a client for comments. It sends no request.
type OpenComments func(Config) (Comments, error)

// A Mark is a hidden text by which a comment is found again. It consists of letters,
// digits, dashes and slashes.
type Mark string

func (m Mark) line() string { return "<!-- carrel: " + string(m) + " -->" }

// On returns the mark followed by a text, which is cut to MaxComment characters.
func (m Mark) On(text string) string {
	if utf8.RuneCountInString(text) > MaxComment {
		text = string([]rune(text)[:MaxComment-1]) + "…"
	}
	return m.line() + "\n" + text
}

// Marks reports whether the body of a comment begins with the mark.
func (m Mark) Marks(body string) bool { return strings.HasPrefix(body, m.line()) }
