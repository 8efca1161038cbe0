package reporter

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	rosterKey    = "prog1/roster"
	templatesKey = "prog1/templates"
)

var now = time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)

// The stages a Kustomization may be in.

func applied(key, commit, content string) Sync {
	return Sync{Key: key, Name: nameOf(key), Revision: commit, Content: content, Since: now}
}

func refused(key, commit, content, why string) Sync {
	return Sync{Key: key, Name: nameOf(key), Revision: commit, Content: failedPrefix + content, Failure: why, Since: now}
}

func atWork(key, commit string) Sync { return Sync{Key: key, Name: nameOf(key), Revision: commit} }

func suspended(sync Sync) Sync {
	sync.Suspended = true
	return sync
}

func earlier(sync Sync) Sync {
	sync.Since = sync.Since.Add(-time.Minute)
	return sync
}

func nameOf(key string) string { return key[strings.Index(key, "/")+1:] }

// last is a report of a minute ago on content r1 of the roster and t1 of the
// templates, unless told otherwise.
func last(commit, state, description string, contents ...string) *v1alpha1.ReportStatus {
	if contents == nil {
		contents = []string{"r1", "t1"}
	}
	return &v1alpha1.ReportStatus{
		Revision: commit, State: state, Description: description, Time: metav1.NewTime(now.Add(-time.Minute)),
		Digests: map[string]string{rosterKey: contents[0], templatesKey: contents[1]},
	}
}

func ago(d time.Duration, report *v1alpha1.ReportStatus) *v1alpha1.ReportStatus {
	report.Time = metav1.NewTime(now.Add(-d))
	return report
}

// behindAt is a report that waits for the templates, which stood at a revision.
func behindAt(revision string, report *v1alpha1.ReportStatus) *v1alpha1.ReportStatus {
	report.Behind = map[string]string{templatesKey: revision}
	return report
}

func tally(total, ready int32, attention ...string) Tally {
	t := Tally{UserlandCounts: v1alpha1.UserlandCounts{Total: total, Ready: ready, Attention: map[string]int32{}}}
	for _, reason := range attention {
		t.Attention[reason]++
	}
	return t
}

func notSeen(n int32, t Tally) Tally {
	t.Behind = n
	return t
}

// away has carrels on their way that the commit did not change.
func away(n int32, t Tally) Tally {
	t.Away = n
	return t
}

func because(t Tally, reasons ...string) Tally {
	t.Waiting = map[string]int32{}
	for _, reason := range reasons {
		t.Waiting[reason]++
	}
	return t
}

func paused(t Tally) Tally {
	t.Suspended = true
	return t
}

func objecting(t Tally, why string) Tally {
	t.Objection = why
	return t
}

func unread(t Tally) Tally {
	t.Unread = true
	return t
}

// outcome is a Decision in the words of a table; empty means: nothing to do.
type outcome struct {
	Post       string // <commit> <state>: <description>
	Remember   string // the same, where the forge is told nothing
	Supersedes string
	After      time.Duration
}

func outcomeOf(d Decision) outcome {
	o := outcome{Supersedes: strings.Join(d.Supersedes, " "), After: d.After}
	if d.Report == nil {
		return o
	}
	text := d.Report.Revision + " " + d.Report.State + ": " + d.Report.Description
	if d.Post {
		o.Post = text
	} else {
		o.Remember = text
	}
	return o
}

func TestDecide(t *testing.T) {
	pull2 := []string{v1alpha1.ImagePullBackOffReason, v1alpha1.ImagePullBackOffReason}
	const pullText = "2 of 24 need attention: ImagePullBackOff 2"
	const refusal = "Template dry-run failed (Forbidden)"

	tests := map[string]struct {
		syncs []Sync
		head  string
		tally Tally
		last  *v1alpha1.ReportStatus
		want  outcome
	}{
		// One commit.
		"the first report of a course goes on the commit it is at": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 17),
			want:  outcome{Post: "A pending: 17 of 24 ready, 7 starting"},
		},
		"all ready at the first look is a success at once": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			want:  outcome{Post: "A success: 24 of 24 ready"},
		},
		"a course without carrels is done": {
			syncs: []Sync{applied(rosterKey, "A", "r1")},
			want:  outcome{Post: "A success: no carrels yet"},
		},
		"pending ends in success": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  ago(0, last("A", "pending", "17 of 24 ready, 7 starting")),
			want:  outcome{Post: "A success: 24 of 24 ready"},
		},
		"pending ends in failure, with counts and causes": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, pull2...),
			last:  ago(0, last("A", "pending", "17 of 24 ready, 7 starting")),
			want:  outcome{Post: "A failure: " + pullText},
		},
		"a removal that is held is a failure, with the line to commit": {
			syncs: []Sync{applied(rosterKey, "A", "r1")},
			tally: objecting(tally(24, 24), `held: would remove 12 of 24; to confirm, set spec.guard.confirm: "0123456789abcdef"`),
			want:  outcome{Post: `A failure: held: would remove 12 of 24; to confirm, set spec.guard.confirm: "0123456789abcdef"`},
		},
		"rosters that nobody has read yet are pending": {
			syncs: []Sync{applied(rosterKey, "A", "r1")},
			tally: unread(tally(24, 24)),
			want:  outcome{Post: "A pending: 24 of 24 ready"},
		},
		"the commonest cause comes first": {
			syncs: []Sync{applied(rosterKey, "A", "r1")},
			tally: tally(24, 20, append(pull2, v1alpha1.CrashLoopBackOffReason, v1alpha1.UnschedulableReason)...),
			want:  outcome{Post: "A failure: 4 of 24 need attention: ImagePullBackOff 2, CrashLoopBackOff 1, Unschedulable 1"},
		},
		"a carrel that says nothing yet about what was applied keeps it pending": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: notSeen(1, tally(24, 23)),
			want:  outcome{Post: "A pending: 23 of 24 ready, 1 starting"},
		},
		"failure, too, waits for every carrel to speak": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: notSeen(1, tally(24, 21, pull2...)),
			want:  outcome{Post: "A pending: 21 of 24 ready, 1 starting, 2 in trouble"},
		},
		"new counts are told": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 18),
			last:  ago(pendingEvery, last("A", "pending", "17 of 24 ready, 7 starting")),
			want:  outcome{Post: "A pending: 18 of 24 ready, 6 starting"},
		},
		"but not more often than once a minute": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 18),
			last:  ago(4*time.Second, last("A", "pending", "17 of 24 ready, 7 starting")),
			want:  outcome{After: 26 * time.Second},
		},
		"the same again is not told": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 17),
			last:  last("A", "pending", "17 of 24 ready, 7 starting"),
			want:  outcome{After: 14 * time.Minute},
		},
		"a success is not final": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, pull2...),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "A failure: " + pullText},
		},
		"for 14 days": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, pull2...),
			last:  ago(watchFor, last("A", "success", "24 of 24 ready")),
		},
		"carrels that start after a success change nothing": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 20),
			last:  last("A", "success", "24 of 24 ready"),
		},
		"a failure that is overcome becomes a success": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  last("A", "failure", pullText),
			want:  outcome{Post: "A success: 24 of 24 ready"},
		},
		"a crashing carrel that starts again does not flap": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 23),
			last:  last("A", "failure", "1 of 24 need attention: CrashLoopBackOff 1"),
		},
		"one of two crashing that starts again does not flap either": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, v1alpha1.CrashLoopBackOffReason),
			last:  last("A", "failure", "2 of 24 need attention: CrashLoopBackOff 2"),
		},
		"a failure whose numbers have come to rest is told anew": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, pull2...),
			last:  last("A", "failure", "1 of 24 need attention: ImagePullBackOff 1"),
			want:  outcome{Post: "A failure: " + pullText},
		},

		// The deadline.
		"no progress so far: looked at again when it would be too late": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 17),
			last:  last("A", "pending", "17 of 24 ready, 7 starting"),
			want:  outcome{After: 14 * time.Minute},
		},
		"no progress for too long is a failure": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: because(tally(120, 117), v1alpha1.StartingReason, v1alpha1.VolumePendingReason, v1alpha1.VolumePendingReason),
			last:  ago(15*time.Minute, last("A", "pending", "117 of 120 ready, 3 starting")),
			want:  outcome{Post: "A failure: not ready after 15 min without progress: 3 of 120, commonest cause VolumePending (2)"},
		},
		"nor has anybody looked at most of them": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: because(notSeen(2, tally(120, 117)), v1alpha1.StartingReason),
			last:  ago(time.Hour, last("A", "pending", "117 of 120 ready, 3 starting")),
			want:  outcome{Post: "A failure: not ready after 15 min without progress: 3 of 120, commonest cause NotSeenYet (2)"},
		},
		"progress in time, however little": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(120, 118),
			last:  ago(time.Hour, last("A", "pending", "117 of 120 ready, 3 starting")),
			want:  outcome{Post: "A pending: 118 of 120 ready, 2 starting"},
		},
		"new content starts the time anew": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t2")},
			tally: tally(120, 117),
			last:  ago(time.Hour, last("A", "pending", "117 of 120 ready, 3 starting")),
			want:  outcome{Remember: "A pending: 117 of 120 ready, 3 starting"},
		},
		"a suspended course is not late": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: paused(tally(24, 17)),
			last:  ago(time.Hour, last("A", "pending", "17 of 24 ready, 7 starting; the course is suspended")),
		},
		"Flux does not come": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  behindAt("A", ago(time.Hour, last("B", "pending", "24 of 24 ready; waiting for Flux to apply templates", "r2", "t1"))),
			want:  outcome{Post: "B failure: Flux has not applied templates after 15 min without progress; 24 of 24 ready"},
		},
		"nobody reads the roster": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: unread(tally(24, 24)),
			last:  ago(time.Hour, last("A", "pending", "24 of 24 ready")),
			want:  outcome{Post: "A failure: the controller has not read the roster after 15 min without progress"},
		},
		"what was too late is let stand while it is still on its way": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(120, 118),
			last:  ago(time.Hour, last("A", "failure", "not ready after 15 min without progress: 3 of 120")),
		},
		"and is a success late": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(120, 120),
			last:  ago(time.Hour, last("A", "failure", "not ready after 15 min without progress: 3 of 120")),
			want:  outcome{Post: "A success: 120 of 120 ready"},
		},

		// Commits that follow.
		"a commit that changes the roster is reported": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "B", "t1")},
			tally: tally(25, 24),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "B pending: 24 of 25 ready, 1 starting"},
		},
		"a commit that changes the templates is reported": {
			syncs: []Sync{applied(rosterKey, "B", "r1"), applied(templatesKey, "B", "t2")},
			tally: notSeen(24, tally(24, 0)),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "B pending: 0 of 24 ready, 24 starting"},
		},
		"a commit that does not change the course gets nothing": {
			syncs: []Sync{applied(rosterKey, "B", "r1"), applied(templatesKey, "B", "t1")},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready"),
		},
		"a report in progress goes on on its own commit when one follows that changes nothing": {
			syncs: []Sync{applied(rosterKey, "C", "r2"), applied(templatesKey, "C", "t1")},
			tally: tally(25, 25),
			last:  last("B", "pending", "24 of 25 ready, 1 starting", "r2", "t1"),
			want:  outcome{Post: "B success: 25 of 25 ready"},
		},
		"a commit back to what there was before is a change like any other": {
			syncs: []Sync{applied(rosterKey, "C", "r1"), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  last("B", "success", "25 of 25 ready", "r2", "t1"),
			want:  outcome{Post: "C success: 24 of 24 ready"},
		},
		"a force-push back to an older commit reports there again": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  last("B", "success", "25 of 25 ready", "r2", "t1"),
			want:  outcome{Post: "A success: 24 of 24 ready"},
		},
		"a newer commit supersedes one that is pending": {
			syncs: []Sync{applied(rosterKey, "C", "r3"), applied(templatesKey, "C", "t1")},
			tally: tally(26, 24),
			last:  last("B", "pending", "24 of 25 ready, 1 starting", "r2", "t1"),
			want:  outcome{Post: "C pending: 24 of 26 ready, 2 starting", Supersedes: "B"},
		},
		"a newer commit leaves one that failed as it is": {
			syncs: []Sync{applied(rosterKey, "C", "r3"), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", pullText, "r2", "t1"),
			want:  outcome{Post: "C success: 24 of 24 ready"},
		},
		"content that changes without a commit is reported on the commit there is": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t2")},
			tally: notSeen(24, tally(24, 0)),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "A pending: 0 of 24 ready, 24 starting"},
		},

		// Two Kustomizations that come to a commit one after the other.
		"the roster is there first: no success before the templates are there, too": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "B pending: 24 of 24 ready; waiting for Flux to apply templates"},
		},
		"nor a failure by counts": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 22, pull2...),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "B pending: 22 of 24 ready, 2 in trouble; waiting for Flux to apply templates"},
		},
		"then the templates come, unchanged": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "B", "t1")},
			tally: tally(24, 24),
			last:  ago(0, last("B", "pending", "24 of 24 ready; waiting for Flux to apply templates", "r2", "t1")),
			want:  outcome{Post: "B success: 24 of 24 ready"},
		},
		"or changed": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "B", "t2")},
			tally: notSeen(24, tally(24, 0)),
			last:  last("B", "pending", "24 of 24 ready; waiting for Flux to apply templates", "r2", "t1"),
			want:  outcome{Post: "B pending: 0 of 24 ready, 24 starting"},
		},
		"content changes and the words do not: remembered, not told": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "B", "t2")},
			tally: tally(24, 17),
			last:  last("B", "pending", "17 of 24 ready, 7 starting", "r2", "t1"),
			want:  outcome{Remember: "B pending: 17 of 24 ready, 7 starting"},
		},
		"the one that is there first is unchanged: nothing yet": {
			syncs: []Sync{applied(rosterKey, "B", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready"),
		},
		"while Flux is at work on the second it is waited for": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), atWork(templatesKey, "A")},
			tally: tally(24, 24),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "B pending: 24 of 24 ready; waiting for Flux to apply templates"},
		},
		"both have gone past the commit, one after the other: they need not agree": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  ago(time.Second, last("B", "pending", "23 of 24 ready, 1 starting", "r2", "t1")),
			want:  outcome{Post: "B success: 24 of 24 ready"},
		},
		"both changed, at different commits: the head is the newer": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), earlier(applied(templatesKey, "C", "t2"))},
			head:  "C",
			tally: tally(24, 24),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "C pending: 24 of 24 ready; waiting for Flux to apply roster"},
		},
		"both changed, and neither is the head: the one Flux came to last": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), earlier(applied(templatesKey, "C", "t2"))},
			head:  "D",
			tally: tally(24, 24),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "B pending: 24 of 24 ready; waiting for Flux to apply templates"},
		},
		"what is suspended is not waited for, and named": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), suspended(applied(templatesKey, "A", "t1"))},
			tally: tally(24, 24),
			last:  last("A", "success", "25 of 25 ready"),
			want:  outcome{Post: "B success: 24 of 24 ready; templates is suspended"},
		},
		"nothing known of any: nothing to say": {
			syncs: []Sync{atWork(rosterKey, ""), atWork(templatesKey, "")},
			tally: tally(24, 24),
		},
		"a Kustomization that is gone is no change": {
			syncs: []Sync{applied(rosterKey, "B", "r1")},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready"),
		},

		// Commits that Flux could not apply.
		"a commit Flux could not apply fails with its words": {
			syncs: []Sync{refused(rosterKey, "B", "r2", refusal), applied(templatesKey, "B", "t1")},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "B failure: roster: " + refusal},
		},
		"also when the other can't follow because it depends on it": {
			syncs: []Sync{atWork(rosterKey, "A"), refused(templatesKey, "B", "t2", refusal)},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "B failure: templates: " + refusal},
		},
		"also when the other was applied and all its carrels are ready": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), refused(templatesKey, "B", "t2", refusal)},
			tally: tally(25, 25),
			last:  last("B", "pending", "24 of 25 ready, 1 starting", "r2", "t1"),
			want:  outcome{Post: "B failure: templates: " + refusal},
		},
		"the very first sync of a course may fail": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), refused(templatesKey, "A", "t1", refusal)},
			tally: tally(24, 0),
			want:  outcome{Post: "A failure: templates: " + refusal},
		},
		"it is told once": {
			syncs: []Sync{refused(rosterKey, "B", "r2", refusal), applied(templatesKey, "B", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
		},
		"and stands while Flux tries again": {
			syncs: []Sync{atWork(rosterKey, "A"), applied(templatesKey, "B", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
		},
		"a commit that leaves the fault as it was gets nothing": {
			syncs: []Sync{refused(rosterKey, "C", "r2", refusal), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
		},
		"another fault is another failure": {
			syncs: []Sync{refused(rosterKey, "C", "r3", "Userland dry-run failed (Invalid)"), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
			want:  outcome{Post: "C failure: roster: Userland dry-run failed (Invalid)"},
		},
		"a commit that repairs it is reported, though it brings back what there was": {
			syncs: []Sync{applied(rosterKey, "C", "r1"), applied(templatesKey, "C", "t1")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
			want:  outcome{Post: "C success: 24 of 24 ready"},
		},
		"a try that succeeds at the same commit makes it pending again": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), applied(templatesKey, "B", "t1")},
			tally: notSeen(1, tally(25, 24)),
			last:  ago(0, last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1")),
			want:  outcome{Post: "B pending: 24 of 25 ready, 1 starting"},
		},
		"the failure of an older commit is not laid to a newer one that Flux has yet to try": {
			syncs: []Sync{earlier(refused(rosterKey, "B", "r2", refusal)), applied(templatesKey, "C", "t2")},
			tally: tally(24, 24),
			last:  last("B", "failure", "roster: "+refusal, failedPrefix+"r2", "t1"),
			want:  outcome{Post: "C pending: 24 of 24 ready; waiting for Flux to apply roster"},
		},
		"until it fails there as well": {
			syncs: []Sync{refused(rosterKey, "C", "r2", refusal), applied(templatesKey, "C", "t2")},
			tally: tally(24, 24),
			last:  last("C", "pending", "24 of 24 ready; waiting for Flux to apply roster", failedPrefix+"r2", "t2"),
			want:  outcome{Post: "C failure: roster: " + refusal},
		},
		"Flux at work on a commit of another course is not waited for": {
			syncs: []Sync{atWork(rosterKey, "A"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 17),
			last:  last("A", "pending", "17 of 24 ready, 7 starting"),
			want:  outcome{After: progressDeadline - time.Minute},
		},
		"a carrel that starts after a success changes no words": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: away(1, tally(24, 23)),
			last:  last("A", "success", "24 of 24 ready"),
		},
		"a Kustomization that is suspended after a success is said": {
			syncs: []Sync{suspended(applied(rosterKey, "A", "r1")), applied(templatesKey, "A", "t1")},
			tally: away(1, tally(24, 23)),
			last:  last("A", "success", "24 of 24 ready"),
			want:  outcome{Post: "A success: 24 of 24 ready; roster is suspended"},
		},
		"and no more once it is resumed": {
			syncs: []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")},
			tally: tally(24, 24),
			last:  last("A", "success", "24 of 24 ready; roster is suspended"),
			want:  outcome{Post: "A success: 24 of 24 ready"},
		},
		"a failure by counts gives way to one of Flux": {
			syncs: []Sync{applied(rosterKey, "B", "r2"), refused(templatesKey, "B", "t2", refusal)},
			tally: tally(24, 20, pull2...),
			last:  last("B", "failure", pullText, "r2", "t1"),
			want:  outcome{Post: "B failure: templates: " + refusal},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			aim := AimAt(test.syncs, test.last, test.head, nil)
			got := Decide(aim, test.syncs, test.tally, test.last, now)
			if diff := cmp.Diff(test.want, outcomeOf(got)); diff != "" {
				t.Errorf("Decide (-want +got):\n%s", diff)
			}
			if got.Report != nil {
				checkStable(t, got, test.syncs, test.tally, test.head)
			}
		})
	}
}

// checkStable: once a decision is carried out there is nothing more to do.
func checkStable(t *testing.T, carriedOut Decision, syncs []Sync, tally Tally, head string) {
	t.Helper()
	again := Decide(AimAt(syncs, carriedOut.Report, head, nil), syncs, tally, carriedOut.Report, now.Add(time.Minute))
	want := outcome{}
	if carriedOut.Report.State == "pending" && !tally.Suspended {
		want.After = progressDeadline - time.Minute
	}
	if diff := cmp.Diff(want, outcomeOf(again)); diff != "" {
		t.Errorf("with its own outcome before it, Decide wants more (-want +got):\n%s", diff)
	}
}

func TestDigestsOfWhatIsAtWorkAreKept(t *testing.T) {
	aim := AimAt([]Sync{applied(rosterKey, "B", "r2"), atWork(templatesKey, "A")}, last("A", "success", "24 of 24 ready"), "B", nil)
	want := map[string]string{rosterKey: "r2", templatesKey: "t1"}
	if diff := cmp.Diff(want, aim.Digests); diff != "" {
		t.Errorf("digests (-want +got):\n%s", diff)
	}
}
