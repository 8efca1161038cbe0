package main

import (
	"slices"
	"strings"
	"testing"
)

func TestAnswersAreFoundAcrossPieces(t *testing.T) {
	s := &session{answered: map[int]bool{}}
	for _, piece := range []string{"$ echo \"<\"1\">\" | tee\r\n<1>\r\n$ <", "2>\r\n<3", "4>"} {
		s.take(piece)
	}
	if got := s.missing(3); !slices.Equal(got, []int{3}) {
		t.Errorf("messages %v are missing, want 3", got)
	}
	if !s.answered[34] {
		t.Error("the answer <34> in two pieces was not found")
	}
}

func TestAFileThatLacksALineIsFound(t *testing.T) {
	for _, test := range []struct {
		lines string
		sent  int
		wants string
	}{
		{"<1> <2> <3>", 3, ""},
		{"<1> <2> <3>", 2, ""},
		{"<1> <2>", 3, "has 2 lines after 3 messages"},
		{"<1> <3> <4>", 3, `line 2 of the file of carol is "<3>"`},
		{"<1> <2> <2> <3>", 3, `line 3`},
	} {
		err := whole("carol", strings.Fields(test.lines), test.sent)
		if (err == nil) != (test.wants == "") || err != nil && !strings.Contains(err.Error(), test.wants) {
			t.Errorf("%s after %d messages: %v, want %q", test.lines, test.sent, err, test.wants)
		}
	}
}
