package reporter

import (
	"slices"
	"strings"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// Aim is the commit that a report is for.
type Aim struct {
	// Revision is its hash; empty when there is nothing to report.
	Revision string
	// New is set if content of the course changed since the last report. Otherwise the
	// report continues the last one.
	New bool
	// Digests are the contents that the report is about.
	Digests map[string]string
	// Supersedes are the commits whose reports this one ends, oldest last.
	Supersedes []string
	// Behind are the Kustomizations that Flux has yet to bring to the commit, by key, with
	// the revision at which each stood when the commit came.
	Behind map[string]string
	// Since is the time at which Flux began to apply the commit; zero if everything
	// counts as brought by it.
	Since time.Time
	// Files are the students' own.
	Files Files
}

// An Attribution is what the forge knows about the commits that Flux passed.
type Attribution struct {
	// Commit is the newest commit that touches the course.
	Commit string
	// Superseded are older ones that touch it, newest first.
	Superseded []string
	// Foreign is set if no commit touches the course.
	Foreign bool
}

// A Question asks the forge which commits changed the course.
type Question struct {
	// Bases are the commits at which the course had the content reported last.
	Bases []string
	// Head is the commit that Flux brought instead.
	Head string
	// Retried is set if Flux could not apply the head, or what was reported last. A failure,
	// and its end, may have other causes than a commit, such as an API server that did not
	// answer.
	Retried bool
}

// Asked reports whether there is something to ask.
func (q Question) Asked() bool { return q.Head != "" && len(q.Bases) > 0 }

// Key identifies the question.
func (q Question) Key() string { return q.Head + " " + strings.Join(q.Bases, " ") }

// QuestionOf returns what to ask the forge before a report. Nothing is asked about a course
// that did not change, and about the first report of a course.
func QuestionOf(syncs []Sync, last *v1alpha1.ReportStatus, head string) Question {
	changed, newest := changesOf(syncs, last, head)
	if last == nil || newest == nil {
		return Question{}
	}
	q := Question{Head: newest.Revision, Retried: strings.HasPrefix(newest.Content, failedPrefix)}
	for _, sync := range changed {
		q.Retried = q.Retried || strings.HasPrefix(last.Digests[sync.Key], failedPrefix)
		base := sync.Past[last.Digests[sync.Key]]
		if base == "" {
			base = last.Revision
		}
		if !slices.Contains(q.Bases, base) {
			q.Bases = append(q.Bases, base)
		}
	}
	return q
}

// AimAt finds the commit to report on: the newest that changed what Flux renders for the
// course. In a repository of many courses every commit moves every course's revision, so a
// commit that changed nothing gets no report. While nothing changes, the last report goes
// on, on its own commit.
//
// The head is the commit that the source has now. The attribution is the forge's answer to
// the question of QuestionOf; nil if the forge has none.
func AimAt(syncs []Sync, last *v1alpha1.ReportStatus, head string, found *Attribution) Aim {
	changed, newest := changesOf(syncs, last, head)
	aim := Aim{Digests: digestsOf(syncs, last)}
	switch {
	case newest == nil && last == nil:
		return aim
	case newest == nil:
		aim.Revision, aim.Behind = last.Revision, stillBehind(syncs, last)
		aim.Since = sinceOf(last)
		return aim
	}
	aim.New, aim.Revision = true, newest.Revision
	switch {
	case found != nil && found.Foreign && last != nil:
		aim.Revision = last.Revision
	case found != nil && !found.Foreign:
		aim.Revision, aim.Supersedes = found.Commit, slices.Clone(found.Superseded)
	}
	if last != nil && last.Revision == aim.Revision {
		aim.Since = sinceOf(last)
	} else if last != nil {
		aim.Since = beganAt(changed)
		if last.State == string(forge.Pending) && !slices.Contains(aim.Supersedes, last.Revision) {
			aim.Supersedes = append(aim.Supersedes, last.Revision)
		}
	}
	aim.Behind = nowBehind(syncs, last, newest.Revision)
	return aim
}

// changesOf returns the Kustomizations whose content differs from the last report, and the
// one of them that stands at the newest commit; nil if there is none.
func changesOf(syncs []Sync, last *v1alpha1.ReportStatus, head string) (changed []Sync, newest *Sync) {
	for i := range syncs {
		sync := &syncs[i]
		if before, _ := reportedContent(last, sync.Key); sync.Content == "" || sync.Content == before {
			continue
		}
		changed = append(changed, *sync)
		if newest == nil || newer(sync, newest, head) {
			newest = sync
		}
	}
	return changed, newest
}

func digestsOf(syncs []Sync, last *v1alpha1.ReportStatus) map[string]string {
	digests := map[string]string{}
	for _, sync := range syncs {
		before, known := reportedContent(last, sync.Key)
		switch {
		case sync.Content != "":
			digests[sync.Key] = sync.Content
		case known:
			digests[sync.Key] = before
		}
	}
	return digests
}

func reportedContent(last *v1alpha1.ReportStatus, key string) (content string, known bool) {
	if last == nil {
		return "", false
	}
	content, known = last.Digests[key]
	return content, known
}

// nowBehind returns the Kustomizations that have yet to come to a new commit.
func nowBehind(syncs []Sync, last *v1alpha1.ReportStatus, revision string) map[string]string {
	behind := map[string]string{}
	for _, sync := range syncs {
		if !sync.Suspended && (sync.Revision != revision || unknown(sync, last)) {
			behind[sync.Key] = sync.Revision
		}
	}
	return behind
}

// stillBehind returns the Kustomizations that were behind and did not move. One that did
// has reached the commit: Flux only goes forward. What Flux is at work on counts as long as
// its last content is not known to be good.
func stillBehind(syncs []Sync, last *v1alpha1.ReportStatus) map[string]string {
	behind := map[string]string{}
	for _, sync := range syncs {
		before, waited := last.Behind[sync.Key]
		if !sync.Suspended && (waited && before == sync.Revision || unknown(sync, last)) {
			behind[sync.Key] = sync.Revision
		}
	}
	return behind
}

// unknown reports whether Flux is at work on a Kustomization that was not applied before.
// A foreign commit that Flux is at work on is not waited for.
func unknown(sync Sync, last *v1alpha1.ReportStatus) bool {
	before, known := reportedContent(last, sync.Key)
	return sync.Content == "" && (!known || strings.HasPrefix(before, failedPrefix))
}

// newer orders two commits that both changed the course, each through another
// Kustomization. It does not know git's history, and need not: both are on their
// way to the head, and what was taken for the newer is soon overtaken by it.
func newer(a, b *Sync, head string) bool {
	if a.Revision == b.Revision || b.Revision == head {
		return false
	}
	return a.Revision == head || a.Since.After(b.Since)
}

// beganAt returns when Flux began to apply the changes; zero if that is not known of all.
func beganAt(changed []Sync) (began time.Time) {
	for i, sync := range changed {
		if i == 0 || sync.Began.Before(began) {
			began = sync.Began
		}
	}
	return began
}

func sinceOf(last *v1alpha1.ReportStatus) time.Time {
	if last.Since == nil {
		return time.Time{}
	}
	return last.Since.Time
}
