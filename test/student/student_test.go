package student

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersAreFoundAcrossPieces(t *testing.T) {
	s := newSession("carol", 1)
	for _, piece := range []string{"$ m=\"<\"1\">\"; echo $m\r\n<1>\r\n$ <", "2>\r\n<3", "4>"} {
		s.take(piece)
	}
	if got := s.Missing(3); !slices.Equal(got, []int{3}) {
		t.Errorf("messages %v are missing, want 3", got)
	}
	if !s.answered[34] {
		t.Error("the answer <34> in two pieces was not found")
	}
}

func TestAFileThatLacksALineIsFound(t *testing.T) {
	for _, test := range []struct {
		name, lines string
		answered    []int
		firsts      []int
		sent        int
		wants       string
	}{
		{"all answered", "<1> <2> <3>", []int{1, 2, 3}, []int{1}, 3, ""},
		{"the last has no answer yet", "<1> <2> <3>", []int{1, 2}, []int{1}, 3, ""},
		{"a lost line", "<1> <3>", []int{1, 2, 3}, []int{1}, 3, "lacks messages [2]"},
		{"a lost end", "<1>", []int{1, 2}, []int{1}, 2, "lacks messages [2]"},
		{"a line twice", "<1> <2> <2>", []int{1, 2}, []int{1}, 2, `line 3 of the file of carol is "<2>"`},
		{"another order", "<2> <1>", []int{1, 2}, []int{1}, 2, `line 2 of the file of carol is "<1>"`},
		{"a message that was lost with its session", "<1> <3>", []int{1, 3}, []int{1, 3}, 3, ""},
		{"a session that writes late", "<1> <3> <2>", []int{1, 3}, []int{1, 3}, 3, ""},
		{"a line twice, in two sessions", "<1> <2> <2>", []int{1, 2}, []int{1, 2}, 2, `line 3`},
		{"a line of nobody", "<1> <7>", []int{1}, []int{1}, 3, "nobody has typed"},
		{"half a line", "<1> <", []int{1}, []int{1}, 2, "nobody has typed"},
	} {
		err := compare("carol", strings.Fields(test.lines), written{test.answered, test.firsts, test.sent})
		if (err == nil) != (test.wants == "") || err != nil && !strings.Contains(err.Error(), test.wants) {
			t.Errorf("%s: %v, want %q", test.name, err, test.wants)
		}
	}
}

// plays returns a student whose sessions are the test's own. Each has sent one message.
func plays(ctx context.Context, lines string, opened func(first int) *Session) *Student {
	s := &Student{User: "carol", Lines: func(context.Context) ([]string, error) { return strings.Fields(lines), nil }}
	s.open = func(_ context.Context, first int) (*Session, error) {
		session := opened(first)
		if session == nil {
			return nil, errors.New("no carrel")
		}
		return session, nil
	}
	first, _ := s.open(ctx, 1)
	s.sessions = []*Session{first}
	go s.work(ctx)
	return s
}

func session(first int, answered bool) *Session {
	s := newSession("carol", first)
	s.sent = first
	if answered {
		s.take(fmt.Sprintf("<%d>", first))
	}
	return s
}

func TestSettledTellsSilentLossFromALossThatIsTold(t *testing.T) {
	closed := errors.New("closed")
	for _, test := range []struct {
		name   string
		lines  string
		opened func(first int) *Session
		wants  string
		told   int
	}{
		{"answered", "<1>", func(first int) *Session { return session(first, true) }, "", 0},
		{"silence", "", func(first int) *Session { return session(first, false) }, "messages [1] of carol are not answered within 1m0s, and the WebSocket is open", 0},
		{"closed, and opened again", "<2>", func(first int) *Session {
			s := session(first, first > 1)
			if first == 1 {
				s.end(closed)
			}
			return s
		}, "", 1},
		{"the answer is there, the line is not", "", func(first int) *Session { return session(first, true) }, "lacks messages [1]", 0},
		{"never opened again", "", func(first int) *Session {
			if first > 1 {
				return nil
			}
			s := session(first, false)
			s.end(closed)
			return s
		}, "no carrel", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				s := plays(ctx, test.lines, test.opened)
				begin := time.Now()
				_, err := s.Settled(ctx)
				if (err == nil) != (test.wants == "") || err != nil && !strings.Contains(err.Error(), test.wants) {
					t.Errorf("after %s: %v, want %q", time.Since(begin), err, test.wants)
				}
				if told, _ := s.Told(); told != test.told {
					t.Errorf("%d closed WebSockets, want %d", told, test.told)
				}
			})
		})
	}
}
