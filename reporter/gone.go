package reporter

import (
	"fmt"
	"slices"
	"strings"

	eventv1 "github.com/fluxcd/pkg/apis/event/v1beta1"
	"k8s.io/apimachinery/pkg/util/sets"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// maxFiles is how many names a Course's status keeps: at 63 characters each it
	// stays far below what the API server stores in one object.
	maxFiles = 2000
	// maxNamed is how many an event names; it holds 1,024 characters.
	maxNamed = 10
)

// Files are the Userlands that Flux applied from files of their own. The guard does
// not see them, for Flux prunes them itself; so at least it is said how many went.
type Files struct {
	// Names are those Flux has now, sorted.
	Names []string
	// Left are those that are gone since the last report, and Gone how many went
	// with the commit, all in all.
	Left []string
	Gone int32
}

// filesOf compares what Flux had applied at the last report with what there is. A
// Userland that lost its file and is still there went nowhere: a row has it now.
func filesOf(aim Aim, last *v1alpha1.ReportStatus, expected []string, userlands []v1alpha1.Userland) Files {
	if last != nil && !aim.New {
		return Files{Names: last.Files, Gone: last.Gone}
	}
	files := Files{Names: slices.Sorted(slices.Values(expected))}
	if last == nil {
		return files.bounded()
	}
	here := sets.New(expected...)
	for i := range userlands {
		if userlands[i].DeletionTimestamp.IsZero() {
			here.Insert(userlands[i].Name)
		}
	}
	for _, name := range last.Files {
		if !here.Has(name) {
			files.Left = append(files.Left, name)
		}
	}
	files.Gone = int32(len(files.Left))
	if last.Revision == aim.Revision {
		files.Gone += last.Gone
	}
	return files.bounded()
}

func (f Files) bounded() Files {
	if len(f.Names) > maxFiles {
		f.Names = nil
	}
	return f
}

// describeGone is "; 3 carrels went with this commit".
func describeGone(gone int32) string {
	switch gone {
	case 0:
		return ""
	case 1:
		return "; 1 carrel went with this commit"
	}
	return fmt.Sprintf("; %d carrels went with this commit", gone)
}

// bidFarewell names who went, in the cluster only: a trace is an event of the API
// server's, and not sent to whoever else receives events.
func (r *Reconciler) bidFarewell(course *v1alpha1.Course, d *destination, decision Decision) {
	left := decision.Left
	if len(left) == 0 {
		return
	}
	more := ""
	if len(left) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(left)-maxNamed)
		left = left[:maxNamed]
	}
	r.Recorder.AnnotatedEventf(course, ofRevision(d.branch, decision.Report.Revision), eventv1.EventTypeTrace, v1alpha1.GoneReason,
		"%s%s went with commit %s, which has no file for them any more: their volumes stay for as long as the Template's retain says; "+
			"put the files back and they have them again", strings.Join(left, ", "), more, abbreviate(decision.Report.Revision))
}
