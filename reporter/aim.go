package reporter

import (
	"slices"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// Aim is the commit that a report is for.
type Aim struct {
	// Revision is its hash; empty when there is nothing to report.
	Revision string
	// New: content of the course changed since the last report. Without it the
	// report continues one that has not come to its end.
	New bool
	// Digests are the contents the report is about.
	Digests map[string]string
	// Supersedes is the commit whose report this one cuts off; mostly empty.
	Supersedes string
	// Files are the students' own.
	Files Files
}

// AimAt finds the commit to report on: the newest that changed what Flux renders
// for the course. A commit that changed nothing gets no report, since in a
// repository of many courses every commit moves every course's revision. While
// nothing changes, an unfinished report goes on, on the commit it was begun on; a
// success ends it, so that what breaks weeks later does not blame the commit.
//
// The head is the commit the source has now, which is the newest there is.
func AimAt(syncs []Sync, last *v1alpha1.ReportStatus, head string) Aim {
	aim := Aim{Digests: map[string]string{}}
	var newest *Sync
	for i := range syncs {
		sync := &syncs[i]
		before, known := reportedContent(last, sync.Key)
		if sync.Content == "" {
			if known {
				aim.Digests[sync.Key] = before
			}
			continue
		}
		aim.Digests[sync.Key] = sync.Content
		if sync.Content != before && (newest == nil || newer(sync, newest, head)) {
			newest = sync
		}
	}
	switch {
	case newest != nil:
		aim.Revision, aim.New = newest.Revision, true
	case last != nil && last.State != string(forge.Success):
		aim.Revision = last.Revision
	}
	if aim.New && last != nil && last.Revision != aim.Revision && last.State == string(forge.Pending) {
		aim.Supersedes = last.Revision
	}
	return aim
}

func reportedContent(last *v1alpha1.ReportStatus, key string) (content string, known bool) {
	if last == nil {
		return "", false
	}
	content, known = last.Digests[key]
	return content, known
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

// level reports whether Flux has brought all parts of the course to one commit.
// Only then do the carrels show what that commit came to: a success found before
// might be the success of the commit before. What is suspended is not waited for.
func level(syncs []Sync) bool { return len(behind(syncs, "")) == 0 }

// behind names the Kustomizations that Flux has still to bring to a commit. When
// the commit is none of those the Kustomizations stand at, they need only agree:
// they have all gone past it.
func behind(syncs []Sync, revision string) []string {
	awake := slices.DeleteFunc(slices.Clone(syncs), func(s Sync) bool { return s.Suspended })
	reached := slices.ContainsFunc(awake, func(s Sync) bool { return s.Revision == revision })
	if !reached && len(awake) > 0 {
		revision = awake[0].Revision
	}
	var names []string
	for _, sync := range awake {
		if sync.Revision != revision || sync.Content == "" {
			names = append(names, sync.Name)
		}
	}
	return names
}
