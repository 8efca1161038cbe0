package reporter

import (
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

const (
	// updateEvery is the shortest time between two posts of one state on one commit. A
	// change of state is posted at once.
	updateEvery = 10 * time.Second
	// progressEvery is the shortest time between two records of progress.
	progressEvery = 30 * time.Second
	// progressDeadline is how long a commit may be pending without any progress of its
	// course. It is half as long again as what Kubernetes gives a Deployment
	// (progressDeadlineSeconds, 600 by default), for the carrel's own Deployment is to
	// tell first. A class that starts a few at a time goes on for longer, and is not late.
	progressDeadline = 15 * time.Minute
	// watchFor is how long a success is followed by what becomes of it.
	watchFor = 14 * 24 * time.Hour
)

// Decision is what is to be done about a report.
type Decision struct {
	// Report is what is to be remembered; nil: nothing is to be done.
	Report *v1alpha1.ReportStatus
	// Post: the forge must be told, too. Otherwise it knows already, and only the
	// content the report speaks of is another.
	Post bool
	// Supersedes are the commits that get their last word first.
	Supersedes []string
	// Left are the Userlands that went with the commit, for the cluster's eyes only.
	Left []string
	// After is when to look again though nothing has happened; 0 is never.
	After time.Duration
}

// Decide compares how the course stands with what was last reported.
func Decide(aim Aim, syncs []Sync, tally Tally, last *v1alpha1.ReportStatus, now time.Time) Decision {
	if aim.Revision == "" {
		return Decision{}
	}
	found := judge(aim, syncs, tally)
	progress := found.description
	if found.state == forge.Success && !aim.New && last != nil && last.State == string(forge.Success) {
		found.description = amended(last.Description) + describeSuspended(syncs)
	} else {
		found.description = shorten(found.description + describeGone(aim.Files.Gone))
	}
	found = tally.Expiring.addTo(found, last)
	decision := Decision{
		Report: &v1alpha1.ReportStatus{
			Revision: aim.Revision, State: string(found.state), Description: found.description,
			Digests: aim.Digests, Files: aim.Files.Names, Gone: aim.Files.Gone, Time: metav1.NewTime(now), Posts: 1,
			Behind: aim.Behind, Progress: progress, ProgressTime: &metav1.Time{Time: now},
		},
		Left:       aim.Files.Left,
		Post:       true,
		Supersedes: aim.Supersedes,
	}
	if !aim.Since.IsZero() {
		decision.Report.Since = &metav1.Time{Time: aim.Since}
	}
	if last == nil || last.Revision != aim.Revision {
		return decision
	}
	return decision.after(aim, syncs, tally, found, last, now)
}

// after weighs the decision against the report that the same commit has already.
func (d Decision) after(aim Aim, syncs []Sync, tally Tally, found verdict, last *v1alpha1.ReportStatus, now time.Time) Decision {
	if !aim.New && settled(found, last, now) {
		return Decision{}
	}
	var wait time.Duration
	if found.state == forge.Pending && last.State == string(forge.Pending) && !aim.New {
		var late bool
		if wait, late = d.clock(last, tally, now); late {
			d.Report.State, d.Report.Description = string(forge.Failure), shorten(describeOverdue(tally, behindNames(aim, syncs))+describeGone(aim.Files.Gone))
			wait = 0
		}
	}
	posting := d.Report.State != last.State || d.Report.Description != last.Description
	if posting {
		var rest time.Duration
		if d.Post, rest = mayPost(last, d.Report, now); !d.Post && rest > 0 {
			wait = soonest(wait, rest)
		}
	} else {
		d.Post = false
	}
	if d.Post {
		d.Report.Posts = last.Posts + 1
		if d.Report.Posts >= maxPosts && d.Report.State == string(forge.Failure) {
			d.Report.Description = describeUnsteady(d.Report.Description)
		}
		return d
	}
	return d.remember(aim, last, wait)
}

// settled reports whether a final mark stays as it is. A crashing carrel is failing at one
// moment and starting at the next, so a failure stands until it is overcome or has become
// another one. After a success, carrels that start or sleep change nothing.
func settled(found verdict, last *v1alpha1.ReportStatus, now time.Time) bool {
	switch forge.State(last.State) {
	case forge.Success:
		began := last.Time.Time
		if last.Since != nil {
			began = last.Since.Time
		}
		return found.state == forge.Pending || now.Sub(began) >= watchFor
	case forge.Failure:
		return found.state == forge.Pending || found.interim
	}
	return false
}

// clock keeps the time since which a pending commit has made no progress. It reports
// whether that is too long, and else when to look again. Only the course itself moves it.
func (d Decision) clock(last *v1alpha1.ReportStatus, tally Tally, now time.Time) (wait time.Duration, late bool) {
	before, since := last.Progress, last.ProgressTime
	if since == nil {
		before, since = last.Description, &last.Time
	}
	if before != d.Report.Progress {
		if rest := progressEvery - now.Sub(since.Time); rest > 0 {
			d.Report.Progress, d.Report.ProgressTime = last.Progress, last.ProgressTime
			return soonest(rest, tally.Recheck), false
		}
		return soonest(progressDeadline, tally.Recheck), false
	}
	d.Report.Progress, d.Report.ProgressTime = last.Progress, last.ProgressTime
	if tally.Suspended || tally.awaitsTrial() && len(d.Report.Behind) == 0 {
		return tally.Recheck, false
	}
	rest := since.Add(progressDeadline).Sub(now)
	return soonest(rest, tally.Recheck), rest <= 0
}

// remember keeps facts that changed under the same mark.
func (d Decision) remember(aim Aim, last *v1alpha1.ReportStatus, wait time.Duration) Decision {
	report := last.DeepCopy()
	report.Digests, report.Behind, report.Files, report.Gone = d.Report.Digests, d.Report.Behind, d.Report.Files, d.Report.Gone
	report.Progress, report.ProgressTime = d.Report.Progress, d.Report.ProgressTime
	if last.State != string(forge.Pending) && !aim.New {
		report.Progress, report.ProgressTime = last.Progress, last.ProgressTime
	}
	same := known(report.Digests, last.Digests) && maps.Equal(report.Behind, last.Behind) && report.Gone == last.Gone &&
		slices.Equal(report.Files, last.Files) && report.Progress == last.Progress
	if same {
		return Decision{After: wait}
	}
	return Decision{Report: report, Left: d.Left, Supersedes: d.Supersedes, After: wait}
}

// known reports whether a report has all these contents. A Kustomization that is gone is no
// change.
func known(digests, reported map[string]string) bool {
	for key, content := range digests {
		if reported[key] != content {
			return false
		}
	}
	return true
}

// soonest returns the shorter of two waits, of which 0 is none.
func soonest(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return max(b, 0)
	}
	return a
}
