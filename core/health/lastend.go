package health

import (
	"regexp"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// maxEndReason and maxEndLog bound the reason and the log of a LastEnd in characters,
	// as the API does, and maxEndLines bounds the lines of the log.
	maxEndReason = 128
	maxEndLog    = 1024
	maxEndLines  = 10
)

// LastEnd returns how a carrel last ended by itself: the latest end of a container or a pod
// that is not being deleted, or the one recorded before if that is later. It returns nil
// if there is none.
func LastEnd(pods []corev1.Pod, before *v1alpha1.LastEnd) *v1alpha1.LastEnd {
	last := before
	for i := range pods {
		if pods[i].DeletionTimestamp != nil {
			continue // a container that is stopped ends as well
		}
		for _, end := range endsOf(&pods[i]) {
			if last == nil || end.Time.After(last.Time.Time) {
				last = &end
			}
		}
	}
	return last
}

func endsOf(pod *corev1.Pod) []v1alpha1.LastEnd {
	var ends []v1alpha1.LastEnd
	if pod.Status.Phase == corev1.PodFailed && pod.Status.Reason != "" {
		ends = append(ends, v1alpha1.LastEnd{
			Time: seconds(endedAt(pod)), Reason: cut(pod.Status.Reason, maxEndReason), Log: lastLines(pod.Status.Message),
		})
	}
	inits := len(pod.Status.InitContainerStatuses)
	for i, status := range containerStatuses(pod) {
		end := lastEnd(status)
		if end == nil || end.FinishedAt.IsZero() {
			continue
		}
		if i >= inits || end.ExitCode != 0 { // an init container ends before each start
			ends = append(ends, v1alpha1.LastEnd{
				Time: seconds(end.FinishedAt.Time), Container: status.Name, Reason: cut(end.Reason, maxEndReason), ExitCode: end.ExitCode, Log: lastLines(end.Message),
			})
		}
	}
	return ends
}

// seconds returns a time as the API server stores it.
func seconds(at time.Time) metav1.Time { return metav1.NewTime(at.Truncate(time.Second)) }

// escapes matches the sequences by which programs colour what they write.
var escapes = regexp.MustCompile("\x1b\\[[0-9;?]*[ -/]*[@-~]")

// lastLines returns the last lines of a text, as a page can show them.
func lastLines(text string) string {
	text = escapes.ReplaceAllString(strings.ToValidUTF8(text, ""), "")
	text = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-maxEndLines):]
	kept := []rune(strings.Join(lines, "\n"))
	return strings.TrimSpace(string(kept[max(0, len(kept)-maxEndLog):]))
}
