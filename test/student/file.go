package student

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// written holds what a student knows of their work.
type written struct {
	// answered lists the messages that the terminal answered.
	answered []int
	// firsts lists the first message of each session.
	firsts []int
	// sent is the number of the last message.
	sent int
}

// compare compares the lines of a student's file with what the student knows. Each answered
// message must have its line, and each line must be of a message that was sent. No line may
// be there twice, and those of a session are in the order of its messages.
func compare(user string, lines []string, w written) error {
	lastOf := map[int]int{}
	seen := map[int]bool{}
	for i, line := range lines {
		n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(line, "<"), ">"))
		if err != nil || line != fmt.Sprintf("<%d>", n) || n < 1 || n > w.sent {
			return fmt.Errorf("line %d of the file of %s is %q, which nobody has typed", i+1, user, line)
		}
		session, found := slices.BinarySearch(w.firsts, n)
		if !found {
			session--
		}
		if n <= lastOf[session] {
			return fmt.Errorf("line %d of the file of %s is %q, after that of message %d", i+1, user, line, lastOf[session])
		}
		lastOf[session], seen[n] = n, true
	}
	lost := slices.DeleteFunc(slices.Clone(w.answered), func(n int) bool { return seen[n] })
	if len(lost) > 0 {
		return fmt.Errorf("the file of %s lacks messages %v, which were answered", user, lost)
	}
	return nil
}
