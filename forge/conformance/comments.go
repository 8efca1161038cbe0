package conformance

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/forge"
)

// CommentTarget is a forge whose comments are tested.
type CommentTarget struct {
	Open   forge.OpenComments
	Config forge.Config
	// Request opens a merge request and returns its number.
	Request func(t *testing.T) int64
	// Say adds a comment of another user.
	Say func(t *testing.T, request int64, body string)
	// Bodies returns the bodies of all comments, oldest first.
	Bodies func(t *testing.T, request int64) []string
}

const mark = forge.Mark("check/test")

// RunComments runs the tests of comments.
func RunComments(t *testing.T, target CommentTarget) {
	t.Run("one comment is made and kept up to date", target.testKeep)
	t.Run("marks are apart from each other", target.testMarks)
	t.Run("what others say is left alone", target.testOthers)
	t.Run("ours is found behind many others", target.testPages)
	t.Run("what is too long is cut", target.testLong)
	t.Run("an unknown merge request is ErrNotFound", target.testUnknown)
	t.Run("a wrong token is ErrUnauthorized", target.testWrongToken)
}

func (target CommentTarget) client(t *testing.T) forge.Comments {
	t.Helper()
	client, err := target.Open(target.Config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// keep calls Keep with each of the texts in turn, and then compares the bodies of all
// comments.
func (target CommentTarget) keep(t *testing.T, request int64, texts []string, want ...string) {
	t.Helper()
	client := target.client(t)
	for _, text := range texts {
		if err := client.Keep(t.Context(), request, mark, text); err != nil {
			t.Fatalf("keep %.40q: %v", text, err)
		}
	}
	if diff := cmp.Diff(want, target.Bodies(t, request)); diff != "" {
		t.Errorf("comments (-want +got):\n%s", diff)
	}
}

func (target CommentTarget) testKeep(t *testing.T) {
	target.keep(t, target.Request(t), []string{"1 student joins", "2 students join", "2 students join"}, mark.On("2 students join"))
}

func (target CommentTarget) testMarks(t *testing.T) {
	request, other := target.Request(t), forge.Mark("check/test2")
	if err := target.client(t).Keep(t.Context(), request, other, "other"); err != nil {
		t.Fatal(err)
	}
	target.keep(t, request, []string{"mine"}, other.On("other"), mark.On("mine"))
}

func (target CommentTarget) testOthers(t *testing.T) {
	request := target.Request(t)
	target.Say(t, request, mark.On("a person copied the mark"))
	target.keep(t, request, []string{"first", "second"}, mark.On("a person copied the mark"), mark.On("second"))
}

func (target CommentTarget) testPages(t *testing.T) {
	request := target.Request(t)
	var want []string
	for i := range 110 {
		body := fmt.Sprintf("remark %d", i)
		target.Say(t, request, body)
		want = append(want, body)
	}
	target.keep(t, request, []string{"first", "second"}, append(want, mark.On("second"))...)
}

func (target CommentTarget) testLong(t *testing.T) {
	text := strings.Repeat("語", forge.MaxComment+1)
	target.keep(t, target.Request(t), []string{text, text}, mark.On(text))
	if got := len([]rune(mark.On(text))); got > forge.MaxComment+100 {
		t.Errorf("the comment has %d characters", got)
	}
}

func (target CommentTarget) testUnknown(t *testing.T) {
	if err := target.client(t).Keep(t.Context(), 987654, mark, "text"); !errors.Is(err, forge.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

func (target CommentTarget) testWrongToken(t *testing.T) {
	request := target.Request(t)
	target.Config.Token = "wrong"
	if err := target.client(t).Keep(t.Context(), request, mark, "text"); !errors.Is(err, forge.ErrUnauthorized) {
		t.Errorf("got %v, want ErrUnauthorized", err)
	}
}
