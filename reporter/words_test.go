package reporter

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carrel-dev/carrel/forge"
)

// TestWords has every form of a mark as people read it. docs/conditions.md explains them.
func TestWords(t *testing.T) {
	trial := tally(24, 24)
	trial.Trial = Trial{Said: "trial started in 7 s"}
	awaited := tally(24, 24)
	awaited.Trial.Pending = true
	others := tally(24, 22)
	others.Others = 2
	unreadTemplate := tally(24, 24)
	unreadTemplate.Trial.Unread = "ide"
	long := strings.Repeat("a long cause ", 20)
	for want, got := range map[string]string{
		"17 of 24 ready, 7 starting":                                                                                   describeProgress(tally(24, 17)),
		"24 of 24 ready; trial start under way":                                                                        describeProgress(awaited),
		"24 of 24 ready; waiting for Flux to apply roster":                                                             describeWait(tally(24, 24), []string{"roster"}),
		"24 of 24 ready; trial started in 7 s":                                                                         describeSuccess(trial, nil),
		"24 of 24 ready; roster is suspended":                                                                          describeSuccess(tally(24, 24), []Sync{{Name: "roster", Suspended: true}}),
		"22 of 24 ready; 2 need attention for causes of before":                                                        describeSuccess(others, nil),
		"the trial start of Template ide failed: image \"x\" can't be pulled":                                          describeTrial(Trial{Template: "ide", Failed: `image "x" can't be pulled`}),
		"1 carrel is no longer in git, and Flux did not remove it: condition OutOfSync of the Course has the cure":     describeForgotten(1),
		"3 carrels are no longer in git, and Flux did not remove them: condition OutOfSync of the Course has the cure": describeForgotten(3),
		"1 of 1 ready; Flux no longer applies this course, see its condition OutOfSync":                                describeSyncGone("1 of 1 ready"),
		"1 of 24 needs attention; it has failed again and again, the class board shows how it is now":                  describeUnsteady("1 of 24 needs attention"),
		"superseded by 0123456, which has it":                                                                          describeSuperseded("0123456789"),
		"no course gets this commit's changes to courses: kustomize build failed":                                      describeAbove(Sync{Name: "courses", Failure: "kustomize build failed"}),
		"everything above the courses is applied again":                                                                describeAboveMended,
		"not ready after 15 min without progress: 1 of 24, commonest cause NotSeenYet (1)":                             describeOverdue(notSeen(1, tally(24, 23)), nil),
		"the controller has not read Template ide after 15 min without progress":                                       describeOverdue(unreadTemplate, nil),
		"the controller has not read the roster after 15 min without progress":                                         describeOverdue(unread(tally(24, 24)), nil),
		"the Course went with this commit, and 24 carrels with it; their volumes are kept for the time promised":       describeCourseGone(24),
		"roster: kustomize build failed":                                                                               describeFailure(Sync{Name: "roster", Failure: "kustomize  build\nfailed"}),
	} {
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	for _, text := range []string{describeUnsteady(long), describeSyncGone(long), describeTrial(Trial{Failed: long}), describeAbove(Sync{Failure: long}), describeFailure(Sync{Failure: long})} {
		if n := utf8.RuneCountInString(text); n > forge.MaxDescription {
			t.Errorf("%d characters: %q", n, text)
		}
	}
}

// The page about conditions explains each form of a mark. Where a mark has a name, a number
// or a cause, the page has another one or an ellipsis.
func TestEachMarkIsExplained(t *testing.T) {
	page, err := os.ReadFile("../docs/conditions.md")
	if err != nil {
		t.Fatal(err)
	}
	progress := tally(24, 17)
	progress.Trial = Trial{Said: "trial started in 7 s", Failed: "...", Template: "ide"}
	others := tally(24, 22)
	others.Others = 2
	awaited := tally(24, 24)
	awaited.Trial.Pending = true
	unreadTemplate := tally(24, 24)
	unreadTemplate.Trial.Unread = "ide"
	_, trial, _ := strings.Cut(describeProgress(awaited), "; ")
	_, before, _ := strings.Cut(describeSuccess(others, nil), "; ")
	forgotten, _, _ := strings.Cut(describeForgotten(1), ":")
	gone, _, _ := strings.Cut(describeCourseGone(24), ";")
	overdue, _, _ := strings.Cut(describeOverdue(tally(24, 17), nil), ":")
	again, _, _ := strings.Cut(describeUnsteady(""), ", the")
	for _, words := range []string{
		describeProgress(tally(24, 17)), trial, before, forgotten, gone, overdue, again,
		describeWait(tally(24, 24), []string{"roster"})[len("24 of 24 ready"):],
		describeSuperseded("1a2b3c4"), describeSuccess(tally(24, 24), nil), progress.Trial.Said, "not tried",
		describeSuspended([]Sync{{Name: "roster", Suspended: true}}), describeTrial(progress.Trial),
		describeAttention(tally(24, 22, "ImagePullBackOff", "ImagePullBackOff")), describeOverdue(unreadTemplate, nil),
		describeSyncGone(""), describeGone(3), Expiring{Count: 2, From: "5 Dec"}.describe(),
		describeAbove(Sync{Name: "courses"}), describeAboveMended,
	} {
		if !strings.Contains(string(page), strings.TrimSpace(words)) {
			t.Errorf("docs/conditions.md does not explain %q", words)
		}
	}
}
