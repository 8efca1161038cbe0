package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/gitops/class"
)

// Held is a removal over the guard that is not confirmed: of students, or of volumes.
type Held struct {
	// Course is true if the whole course would be removed with students in it.
	Course bool `json:"course,omitempty"`
	// Files is true for students with files of their own. Flux would remove them at
	// once, so such a request must not be merged. Removals of rows wait for the
	// confirmation instead.
	Files    bool `json:"files,omitempty"`
	Removals int  `json:"removals"`
	// Before is the number of other students whose rows were removed within the 7 days
	// before.
	Before int `json:"before,omitempty"`
	Of     int `json:"of"`
	// Volumes are the names of the volumes that an edit of Template would take away from
	// so many carrels. For students, both are empty.
	Template string   `json:"template,omitempty"`
	Volumes  []string `json:"volumes,omitempty"`
	// Confirm is the line to commit to the Course. It is empty for a whole course.
	Confirm string `json:"confirm,omitempty"`
}

// Effect describes what would be removed.
func (h Held) Effect() string {
	switch {
	case h.Course:
		return fmt.Sprintf("would remove the course with its %s", plural(h.Of, "student"))
	case h.Template != "":
		return enrolment.HeldVolumes{Template: h.Template, Volumes: h.Volumes, Carrels: h.Removals, Of: h.Of}.Effect() + " of Template " + h.Template
	}
	what := "rows"
	if h.Files {
		what = "files"
	}
	text := fmt.Sprintf("would remove %d of %d students (%s)", h.Removals, h.Of, what)
	if h.Before > 0 {
		text += fmt.Sprintf(", which makes %d within 7 days", h.Removals+h.Before)
	}
	return text
}

// Cure returns how to confirm the removal.
func (h Held) Cure() string {
	if h.Course {
		return "take them out first, in a request of its own"
	}
	return "commit to course.yaml: " + h.Confirm
}

func (h Held) heldLine() string { return h.Effect() + "; to confirm, " + h.Cure() }

// Counted is what the guard counts of the rows that a change removes, as far as git
// tells.
type Counted struct {
	Removals int `json:"removals"`
	// Before is the number of other students whose rows were removed within the 7 days
	// before.
	Before int `json:"before"`
	// Of is the largest class since a removal was last confirmed.
	Of int `json:"of"`
	// Since is the time of the oldest commit that was read. It is nil if the change was
	// judged alone.
	Since *time.Time `json:"since,omitempty"`
}

func (c *Counted) lines() []string {
	if c == nil {
		return nil
	}
	since := "without the history of git"
	if c.Since != nil {
		since = "by the history of git since " + c.Since.UTC().Format(time.DateOnly)
	}
	return []string{
		fmt.Sprintf("%d of %d students (rows) go now, and %d others went within 7 days, %s", c.Removals, c.Of, c.Before, since),
		"the cluster may differ: it counts from when it removed them, and knows larger classes of before; status.roster of the Course has its count",
	}
}

// held returns the removals that the guard of the Course would stop, and what it
// counts.
func held(was, is seats, former *replay, past []Version, now time.Time) (all []Held, counted *Counted) {
	if is.gone {
		if len(was.by) == 0 {
			return nil, nil
		}
		return []Held{{Course: true, Removals: len(was.by), Of: len(was.by)}}, nil
	}
	rows := former.plan(is, now)
	if h := rows.Held; h != nil {
		all = append(all, Held{Removals: int(h.Removals), Before: int(h.Before), Of: int(h.Of), Confirm: confirmLine(h.Confirm)})
	}
	if h := heldFiles(was, is); h != nil {
		all = append(all, *h)
	}
	return all, countedRows(rows, past)
}

// heldVolumes returns the edits of Templates that the guard of the Course stops.
func heldVolumes(was, is seats, before, after map[string]*v1alpha1.Template) (all []Held) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		// The carrels of a Template that is removed keep what they have.
		if after[name] == nil || is.gone {
			continue
		}
		former, present := workload.NewBlueprint(before[name]), workload.NewBlueprint(after[name])
		h := enrolment.GuardVolumes(is.course, name, former.Volumes, present.Volumes, was.all(name), len(was.by))
		if h != nil {
			all = append(all, Held{Template: name, Volumes: h.Volumes, Removals: h.Carrels, Of: h.Of, Confirm: confirmLine(h.Confirm)})
		}
	}
	return all
}

func confirmLine(word string) string { return fmt.Sprintf("spec.guard.confirm: %q", word) }

// countedRows returns what the guard counted for a Plan.
func countedRows(p enrolment.Plan, past []Version) *Counted {
	c := Counted{Removals: len(p.Removals), Of: int(p.Largest)}
	for _, day := range p.Gone {
		c.Before += len(day.Carrels)
	}
	c.Before = max(c.Before-c.Removals, 0)
	if h := p.Held; h != nil {
		c.Removals, c.Before, c.Of = int(h.Removals), int(h.Before), int(h.Of)
	}
	if c.Removals == 0 {
		return nil
	}
	if len(past) > 0 {
		c.Since = &past[0].At
	}
	return &c
}

// heldFiles returns the held removal of students with files of their own, or nil.
// It counts the students whose file is deleted and who have no row instead, against
// the whole class.
func heldFiles(was, is seats) *Held {
	var removals []string
	named := map[string]string{}
	for i := range is.files {
		named[is.files[i].Name] = is.files[i].User()
	}
	for i := range was.files {
		seat := roster.Of(&was.files[i])
		if named[was.files[i].Name] == seat.User {
			continue // also with another Template, it is the same carrel
		}
		if _, stays := is.by[class.Key{User: seat.User, Template: cmp.Or(seat.Template, is.course.Spec.TemplateName)}]; !stays {
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
