package health

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

// longest is what a line of a table still shows with some patience.
const longest = 300

// shorten cuts a message of another program to what a person reads.
func shorten(message string) string {
	message = strings.Join(strings.Fields(message), " ")
	if utf8.RuneCountInString(message) <= longest {
		return message
	}
	return string([]rune(message)[:longest-1]) + "…"
}

// firstSentence is what the scheduler says of the nodes, without what it says of
// preemption on each of them.
func firstSentence(message string) string {
	for _, end := range []string{". preemption:", ". no new claims to deallocate"} {
		if at := strings.Index(message, end); at >= 0 {
			message = message[:at]
		}
	}
	return message
}

var podName = regexp.MustCompile(`^pods "[^"]*" is forbidden: `)

// withoutPodName takes out a name that is another at every attempt.
func withoutPodName(message string) string { return podName.ReplaceAllString(message, "") }
