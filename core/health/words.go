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
	return cut(strings.Join(strings.Fields(message), " "), longest)
}

// maxMessage is the largest number of characters in a message of a status. The API
// server refuses a status with a longer one than the kinds allow, and with it all else
// that the status would say.
const maxMessage = 4096

// CutMessage returns as much of a message as a status holds.
func CutMessage(message string) string { return cut(message, maxMessage) }

// cut returns at most limit characters of a text.
func cut(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
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
