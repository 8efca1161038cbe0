package reporter

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/forge"
)

// The words of marks. They hold counts and causes, and no names: a commit is read by more
// people than may see the roster. docs/conditions.md explains them.

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
	if t.Trial.Pending {
		text += "; trial start under way"
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

// describeTrial is "the trial start of Template ide failed: ...".
func describeTrial(t Trial) string {
	return shorten(fmt.Sprintf("the trial start of Template %s failed: %s", t.Template, t.Failed))
}

// describeForgotten is "1 carrel stays though git has it no more: ...".
func describeForgotten(n int32) string {
	if n == 1 {
		return "1 carrel is no longer in git, and Flux did not remove it: condition OutOfSync of the Course has the cure"
	}
	return fmt.Sprintf("%d carrels are no longer in git, and Flux did not remove them: condition OutOfSync of the Course has the cure", n)
}

// describeUnsteady makes the last post of a commit, which stays true whatever follows.
func describeUnsteady(text string) string {
	return endWith(text, "; it has failed again and again, the class board shows how it is now")
}

// describeOverdue is "not ready after 15 min without progress: 3 of 120, commonest cause
// VolumePending (2)".
func describeOverdue(t Tally, behind []string) string {
	text := fmt.Sprintf(" after %d min without progress", int(progressDeadline.Minutes()))
	switch cause, count := t.commonest(); {
	case len(behind) > 0:
		text = "Flux has not applied " + strings.Join(behind, ", ") + text + fmt.Sprintf("; %d of %d ready", t.Ready, t.Total)
	case t.Trial.Unread != "":
		text = "the controller has not read Template " + t.Trial.Unread + text
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

// describeSuccess is "24 of 24 ready", with a word on the trial start, on carrels that the
// commit did not change, and on what Flux was told to leave.
func describeSuccess(t Tally, syncs []Sync) string {
	text := describeProgress(t)
	if t.Trial.Said != "" {
		text += "; " + t.Trial.Said
	}
	switch {
	case t.Others == 1:
		text += "; 1 needs attention for a cause of before"
	case t.Others > 1:
		text += fmt.Sprintf("; %d need attention for causes of before", t.Others)
	}
	return shorten(text + describeSuspended(syncs))
}

// suspendedAtEnd matches what describeSuspended returns, at the end of a description.
var suspendedAtEnd = regexp.MustCompile(`(; [a-z0-9.-]+ is suspended)+$`)

// amended returns the description of a success without what may change later. The counts
// stay those of the moment of success: carrels that start and sleep afterwards are no news.
func amended(description string) string {
	return suspendedAtEnd.ReplaceAllString(described.ReplaceAllString(strings.TrimSuffix(description, syncGoneWords), ""), "")
}

// describeAbove is what Flux says of a Kustomization above the courses.
func describeAbove(sync Sync) string {
	return shorten(fmt.Sprintf("no course gets this commit's changes to %s: %s", sync.Name, sync.Failure))
}

// describeAboveMended is said on the commit after which everything is applied again.
const describeAboveMended = "everything above the courses is applied again"

// describeSuspended is "; roster is suspended".
func describeSuspended(syncs []Sync) (text string) {
	for _, sync := range syncs {
		if sync.Suspended {
			text += "; " + sync.Name + " is suspended"
		}
	}
	return text
}

// syncGoneWords end the description of a course that Flux does not apply any more.
const syncGoneWords = "; Flux no longer applies this course, see its condition OutOfSync"

// describeSyncGone adds syncGoneWords to the last description.
func describeSyncGone(before string) string { return endWith(before, syncGoneWords) }

// endWith shortens a text so that the end fits.
func endWith(text, end string) string {
	room := forge.MaxDescription - utf8.RuneCountInString(end)
	if runes := []rune(text); len(runes) > room {
		text = strings.TrimSpace(string(runes[:room-1])) + "…"
	}
	return text + end
}

// describeFailure is what Flux says.
func describeFailure(sync Sync) string { return shorten(sync.Name + ": " + sync.Failure) }

// describeCourseGone is "the Course went with this commit, and 24 carrels with it; ...".
func describeCourseGone(carrels int32) string {
	return shorten(fmt.Sprintf("the Course went with this commit, and %d carrels with it; their volumes are kept for the time promised", carrels))
}

// supersededBy begins what describeSuperseded returns.
const supersededBy = "superseded by "

func describeSuperseded(by string) string {
	return supersededBy + abbreviate(by) + ", which has it"
}

// isSuperseded reports whether a description is one of describeSuperseded.
func isSuperseded(description string) bool { return strings.HasPrefix(description, supersededBy) }

func abbreviate(commit string) string { return commit[:min(len(commit), 7)] }

// shorten makes one line of at most forge.MaxDescription characters.
func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= forge.MaxDescription {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:forge.MaxDescription-1])) + "…"
}
