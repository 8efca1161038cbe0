package reporter

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// updateEvery is how often at most one commit is told new counts. A change of
// state is told at once.
const updateEvery = 10 * time.Second

// progressDeadline is how long a commit may be pending without any change in what is
// said of it. It is half as long again as what Kubernetes gives a Deployment
// (progressDeadlineSeconds, 600 by default), for the carrel's own Deployment is to
// tell first. A class that starts a few at a time goes on for longer, and is not late.
const progressDeadline = 15 * time.Minute

// Decision is what is to be done about a report.
type Decision struct {
	// Report is what is to be remembered; nil: nothing is to be done.
	Report *v1alpha1.ReportStatus
	// Post: the forge must be told, too. Otherwise it knows already, and only the
	// content the report speaks of is another.
	Post bool
	// Supersedes is a commit whose pending status gets its last word first.
	Supersedes string
	// Left are the Userlands that went with the commit, for the cluster's eyes only.
	Left []string
	// After is when to look again though nothing has happened; 0 is never.
	After time.Duration
}

// Decide compares how the course stands with what was last reported.
func Decide(aim Aim, syncs []Sync, tally Tally, last *v1alpha1.ReportStatus, now time.Time) Decision {
	if aim.Revision == "" {
		return tally.Expiring.amend(last, now)
	}
	found := judge(aim.Revision, syncs, tally)
	found.description = shorten(found.description + describeGone(aim.Files.Gone))
	found = tally.Expiring.addTo(found, last)
	decision := Decision{
		Report: &v1alpha1.ReportStatus{
			Revision: aim.Revision, State: string(found.state), Description: found.description,
			Digests: aim.Digests, Files: aim.Files.Names, Gone: aim.Files.Gone, Time: metav1.NewTime(now),
		},
		Left:       aim.Files.Left,
		Post:       true,
		Supersedes: aim.Supersedes,
	}
	if last == nil || last.Revision != aim.Revision {
		return decision
	}
	if wait, late := overdue(found, aim, tally, last, now); late {
		decision.Report.State, decision.Report.Description = string(forge.Failure), shorten(describeOverdue(tally, behind(syncs, aim.Revision))+describeGone(aim.Files.Gone))
	} else if wait > 0 {
		return Decision{After: wait}
	}
	return decision.after(last, aim.New, found.interim)
}

// overdue tells whether a commit has been pending too long, and else for how long
// it may still be, if it is pending and nothing has changed. The time is that of the
// last post, which outlives the reporter.
func overdue(found verdict, aim Aim, tally Tally, last *v1alpha1.ReportStatus, now time.Time) (wait time.Duration, late bool) {
	unchanged := !aim.New && found.state == forge.Pending && last.State == string(found.state) &&
		last.Description == found.description && maps.Equal(last.Digests, aim.Digests)
	if !unchanged || tally.Suspended {
		return 0, false
	}
	wait = last.Time.Add(progressDeadline).Sub(now)
	return wait, wait <= 0
}

// verdict is what is to be said of a commit.
type verdict struct {
	state       forge.State
	description string
	// interim: carrels are on their way, so the number of those in need of
	// attention may change by itself.
	interim bool
}

// judge says how a commit did, from how Flux and the carrels stand.
func judge(revision string, syncs []Sync, tally Tally) verdict {
	for _, sync := range syncs {
		if sync.Failure != "" && (sync.Revision == revision || level(syncs)) {
			return verdict{state: forge.Failure, description: describeFailure(sync)}
		}
	}
	switch late := behind(syncs, revision); {
	case len(late) > 0:
		return verdict{state: forge.Pending, description: describeWait(tally, late)}
	case tally.Objection != "":
		return verdict{state: forge.Failure, description: shorten(tally.Objection)}
	case tally.Behind > 0 || tally.Unread:
		return verdict{state: forge.Pending, description: describeProgress(tally)}
	case tally.attention() > 0:
		return verdict{state: forge.Failure, description: describeAttention(tally), interim: tally.onTheirWay() > 0}
	case tally.Ready < tally.Total:
		return verdict{state: forge.Pending, description: describeProgress(tally)}
	}
	return verdict{state: forge.Success, description: describeSuccess(tally, syncs)}
}

// after weighs the decision against the report the same commit has already.
func (d Decision) after(last *v1alpha1.ReportStatus, fresh, interim bool) Decision {
	sameState := d.Report.State == last.State
	switch {
	case sameState && d.Report.Description == last.Description:
		if maps.Equal(d.Report.Digests, last.Digests) {
			return Decision{}
		}
		d.Post = false
		if !fresh {
			d.Report.Time = last.Time // else new content begins its time
		}
		return d
	// A crashing carrel is now failing, now starting. A failure stands until it is
	// overcome, or has become another one and stays so.
	case !fresh && last.State == string(forge.Failure) && (d.Report.State == string(forge.Pending) || interim):
		return Decision{}
	case !sameState:
		return d
	}
	if due := last.Time.Add(updateEvery); d.Report.Time.Time.Before(due) {
		return Decision{After: due.Sub(d.Report.Time.Time)}
	}
	return d
}
