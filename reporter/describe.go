package reporter

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/forge"
)

// The descriptions hold counts and causes, never who: a commit is read by more
// people than may see the roster.

// describeProgress is "17 of 24 ready, 7 starting".
func describeProgress(t Tally) string {
	if t.Total == 0 {
		return "no carrels yet"
	}
	text := fmt.Sprintf("%d of %d ready", t.Ready, t.Total)
	if n := t.onTheirWay() - t.Templateless; n > 0 {
		text += fmt.Sprintf(", %d starting", n)
	}
	if t.Templateless > 0 {
		text += fmt.Sprintf(", %d waiting for a Template that is not there", t.Templateless)
	}
	if n := t.attention(); n > 0 {
		text += fmt.Sprintf(", %d in trouble", n)
	}
	if t.Suspended {
		text += "; the course is suspended"
	}
	return text
}

// describeAttention is "2 of 24 need attention: ImagePullBackOff 2", in the words
// the Course has for it.
func describeAttention(t Tally) string { return shorten(health.Summary(t.UserlandCounts)) }

// describeWait adds the Kustomizations that Flux has yet to apply.
func describeWait(t Tally, names []string) string {
	return shorten(describeProgress(t) + "; waiting for Flux to apply " + strings.Join(names, ", "))
}

// describeOverdue is "not ready after 15 min without progress: 3 of 120, commonest cause
// VolumePending (2)".
func describeOverdue(t Tally, behind []string) string {
	text := fmt.Sprintf(" after %d min without progress", int(progressDeadline.Minutes()))
	switch cause, count := t.commonest(); {
	case len(behind) > 0:
		text = "Flux has not applied " + strings.Join(behind, ", ") + text + fmt.Sprintf("; %d of %d ready", t.Ready, t.Total)
	case t.Ready == t.Total:
		text = "the controller has not read the roster" + text
	default:
		text = "not ready" + text + fmt.Sprintf(": %d of %d", t.Total-t.Ready, t.Total)
		if count > 0 {
			text += fmt.Sprintf(", commonest cause %s (%d)", cause, count)
		}
	}
	return shorten(text)
}

// describeSuccess is "24 of 24 ready", with a word on what Flux was told to leave.
func describeSuccess(t Tally, syncs []Sync) string {
	text := describeProgress(t)
	for _, sync := range syncs {
		if sync.Suspended {
			text += "; " + sync.Name + " is suspended"
		}
	}
	return shorten(text)
}

// describeFailure is what Flux says.
func describeFailure(sync Sync) string { return shorten(sync.Name + ": " + sync.Failure) }

// describeCourseGone is "the Course went with this commit, and 24 carrels with it; ...".
func describeCourseGone(carrels int32) string {
	return shorten(fmt.Sprintf("the Course went with this commit, and %d carrels with it; their volumes are kept for the time promised", carrels))
}

func describeSuperseded(by string) string {
	return "superseded by " + abbreviate(by) + " before it was done"
}

func abbreviate(commit string) string { return commit[:min(len(commit), 7)] }

// shorten makes one line of at most forge.MaxDescription characters.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= forge.MaxDescription {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:forge.MaxDescription-1])) + "…"
}
