package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
)

// Held is a removal over the guard that is not confirmed.
type Held struct {
	// Course is true if the whole course would be removed with students in it.
	Course bool `json:"course,omitempty"`
	// Files is true for students with files of their own. Flux would remove them at
	// once, so such a request must not be merged. Removals of rows wait for the
	// confirmation instead.
	Files    bool `json:"files,omitempty"`
	Removals int  `json:"removals"`
	Of       int  `json:"of"`
	// Confirm is the line to commit to the Course. It is empty for a whole course.
	Confirm string `json:"confirm,omitempty"`
}

func (h Held) heldLine() string {
	if h.Course {
		return fmt.Sprintf("would remove the course with its %s; to confirm, take them out first, in a request of its own", plural(h.Of, "student"))
	}
	what := "rows"
	if h.Files {
		what = "files"
	}
	return fmt.Sprintf("would remove %d of %d students (%s); to confirm, commit to course.yaml: %s", h.Removals, h.Of, what, h.Confirm)
}

// held returns the removals that the guard of the Course would stop.
func held(was, is seats) (all []Held) {
	if is.gone {
		if len(was.by) == 0 {
			return nil
		}
		return []Held{{Course: true, Removals: len(was.by), Of: len(was.by)}}
	}
	if h := heldRows(was, is); h != nil {
		all = append(all, Held{Removals: int(h.Removals), Of: int(h.Of), Confirm: confirmLine(h.Confirm)})
	}
	if h := heldFiles(was, is); h != nil {
		all = append(all, *h)
	}
	return all
}

func confirmLine(word string) string { return fmt.Sprintf("spec.guard.confirm: %q", word) }

// heldRows asks the controller's own guard. It assumes that the controller has
// finished applying the former commit.
func heldRows(was, is seats) *v1alpha1.HeldRemoval {
	course := is.course.DeepCopy()
	course.Status.Roster = &v1alpha1.RosterStatus{Digest: was.enrolled.Digest, Rows: was.enrolled.Rows}
	return enrolment.Make(course, append(was.owned(course), is.files...), is.rows).Held
}

// heldFiles returns the held removal of students with files of their own, or nil.
// It counts the students whose file is deleted and who have no row instead, against
// the whole class.
func heldFiles(was, is seats) *Held {
	var removals []string
	for i := range was.files {
		seat := seatOfFile(&was.files[i])
		if _, stays := is.by[identity{seat.User, cmp.Or(seat.Template, is.course.Spec.TemplateName)}]; !stays {
			removals = append(removals, seat.User+"\x00"+seat.Template)
		}
	}
	slices.Sort(removals)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", removals))
	confirm := hex.EncodeToString(sum[:8])
	if enrolment.MayRemove(is.course, len(removals), len(was.by)) || is.course.Spec.Guard.Confirm == confirm {
		return nil
	}
	return &Held{Files: true, Removals: len(removals), Of: len(was.by), Confirm: confirmLine(confirm)}
}
