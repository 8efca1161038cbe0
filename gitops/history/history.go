package history

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// Layout is where in the repository a course's halves lie. The word COURSE stands
// for its name.
type Layout struct{ Roster, Templates string }

// DefaultLayout is that of this repository, and what kustomize/components/course
// has Flux apply.
var DefaultLayout = Layout{Roster: "courses/COURSE/roster", Templates: "courses/COURSE/templates"}

func (l Layout) of(course string) Layout {
	return Layout{strings.ReplaceAll(l.Roster, "COURSE", course), strings.ReplaceAll(l.Templates, "COURSE", course)}
}

// Kinds of what happened.
const (
	// Added: a carrel that was not there before.
	Added = "added"
	// Changed: fields of a carrel are others.
	Changed = "changed"
	// Moved: it is declared elsewhere, and is the same.
	Moved = "moved"
	// Removed: the carrel goes; the work is kept as its Template promises.
	Removed = "removed"
	// TemplateChanged: what a Template's carrels are made of is another.
	TemplateChanged = "template"
	// Unreadable: the class could not be read, so the one before stayed.
	Unreadable = "unreadable"
)

// Fields are those whose changes are told: images are a Template's, all else is a
// carrel's.
var Fields = []string{"template", "enabled", "section", "name", "userland", "file", "images"}

// Change is a field that is another.
type Change struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Event is one thing that happened to a course.
type Event struct {
	Commit
	// Course is the course's name.
	Course string `json:"course"`
	// Kind is one of the words above.
	Kind string `json:"kind"`
	// Carrel is as it was afterwards, or before it was removed; nil where it is
	// about a Template or the class.
	Carrel *Carrel `json:"carrel,omitempty"`
	// Changes are what became other.
	Changes []Change `json:"changes,omitempty"`
	// Template is the one in force.
	Template *Template `json:"template,omitempty"`
	// Problems are why the class could not be read.
	Problems []string `json:"problems,omitempty"`
}

// point is a commit at which what decides a course is other than before.
type point struct {
	hash plumbing.Hash
	root plumbing.Hash
	// before is the parent's tree; zero where there is none.
	before plumbing.Hash
	layout Layout
	// layoutBefore is where the course lay before.
	layoutBefore Layout
}

// points walks back from a commit, newest first.
func (r *Repository) points(ctx context.Context, from plumbing.Hash, layout Layout) (all []point, err error) {
	start, err := r.header(from)
	if err != nil {
		return nil, err
	}
	watch, err := r.watchLayout(start.tree, layout)
	if err != nil {
		return nil, err
	}
	for from != plumbing.ZeroHash {
		next := plumbing.ZeroHash
		for hash, err := range r.changed(ctx, from, watch) {
			if err != nil {
				return nil, err
			}
			p, parent, err := r.pointAt(hash, layout)
			if err != nil {
				return nil, err
			}
			all = append(all, p)
			before, err := r.watchLayout(p.before, p.layoutBefore)
			if err != nil {
				return nil, err
			}
			if !slices.Equal(before, watch) {
				watch, layout, next = before, p.layoutBefore, parent
				break
			}
		}
		from = next
	}
	return all, nil
}

func (r *Repository) watchLayout(root plumbing.Hash, layout Layout) ([]string, error) {
	if root == plumbing.ZeroHash {
		return cover([]string{layout.Roster, layout.Templates}), nil
	}
	return r.watchOf(root, layout.Roster, layout.Templates)
}

func (r *Repository) pointAt(hash plumbing.Hash, layout Layout) (p point, parent plumbing.Hash, err error) {
	h, err := r.header(hash)
	if err != nil {
		return point{}, parent, err
	}
	p = point{hash: hash, root: h.tree, layout: layout, layoutBefore: layout}
	if h.parent == plumbing.ZeroHash {
		return p, parent, nil
	}
	before, err := r.header(h.parent)
	if err != nil {
		return point{}, parent, err
	}
	p.before = before.tree
	p.layoutBefore, err = r.origin(p.before, p.root, layout)
	return p, h.parent, err
}

// origin is where a course's directories were before a commit.
func (r *Repository) origin(before, after plumbing.Hash, layout Layout) (Layout, error) {
	rosterBefore, err := r.cameFrom(before, after, layout.Roster)
	if err != nil {
		return Layout{}, err
	}
	templatesBefore, err := r.cameFrom(before, after, layout.Templates)
	return Layout{rosterBefore, templatesBefore}, err
}

// cameFrom is the directory of the parent that was renamed to one: that which is
// gone and had at least half of the files. Without such, it is the same.
func (r *Repository) cameFrom(before, after plumbing.Hash, directory string) (string, error) {
	now, exists, err := r.find(after, directory)
	if err != nil || !exists {
		return directory, err
	}
	if _, there, err := r.find(before, directory); err != nil || there {
		return directory, err
	}
	wanted := map[plumbing.Hash]bool{}
	if err := r.blobsBelow(now.hash, wanted); err != nil {
		return directory, err
	}
	s := search{repository: r, wanted: wanted, best: directory}
	root := entry{hash: before, tree: true, plain: true}
	if _, err := s.visit(".", root, entry{hash: after, tree: true}, true); err != nil {
		return directory, err
	}
	if 2*s.count < len(wanted) {
		return directory, nil
	}
	return s.best, nil
}

func (r *Repository) blobsBelow(tree plumbing.Hash, into map[plumbing.Hash]bool) error {
	all, err := r.list(tree)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.tree {
			if err := r.blobsBelow(e.hash, into); err != nil {
				return err
			}
		} else {
			into[e.hash] = true
		}
	}
	return nil
}

// search looks for the directory that is gone and held the most of the wanted
// files; the innermost of those.
type search struct {
	repository *Repository
	wanted     map[plumbing.Hash]bool
	best       string
	count      int
}

// visit returns how many wanted files are below a directory. What is the same on
// both sides was not renamed.
func (s *search) visit(name string, before, after entry, exists bool) (count int, err error) {
	if exists && before.hash == after.hash {
		return 0, nil
	}
	all, err := s.repository.list(before.hash)
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		if !e.tree {
			if s.wanted[e.hash] {
				count++
			}
			continue
		}
		twin, is, err := s.twin(after, exists, e.name)
		if err != nil {
			return 0, err
		}
		below, err := s.visit(path.Join(name, e.name), e, twin, is)
		if err != nil {
			return 0, err
		}
		count += below
	}
	if !exists && count > 0 && count >= s.count && (count > s.count || !strings.HasPrefix(s.best, name+"/")) {
		s.best, s.count = name, count
	}
	return count, nil
}

// twin is what has a name on the other side.
func (s *search) twin(after entry, exists bool, name string) (twin entry, is bool, err error) {
	if !exists || !after.tree {
		return entry{}, false, nil
	}
	return s.repository.child(after.hash, name)
}

// Query says what history is asked for.
type Query struct {
	// Course is the course's name.
	Course string
	// From is the commit to walk back from.
	From plumbing.Hash
	// Layout is where courses lie; zero is DefaultLayout.
	Layout Layout
	// Student limits the events to those of a person: who they log in as, the
	// carrel's name, or the person's name. Empty is everybody, and Templates.
	Student string
	// Field limits the events to changes of one of the Fields, and to the carrel's
	// beginning and end.
	Field string
}

// Events is what happened to a course, oldest first.
func (r *Repository) Events(ctx context.Context, q Query) ([]Event, error) {
	if q.Layout == (Layout{}) {
		q.Layout = DefaultLayout
	}
	points, err := r.points(ctx, q.From, q.Layout.of(q.Course))
	if err != nil {
		return nil, err
	}
	if len(points) == 0 {
		return nil, nil
	}
	t := &teller{repository: r, query: q, templates: map[string]Template{}}
	oldest := points[len(points)-1]
	if oldest.before != plumbing.ZeroHash {
		if t.class, err = r.class(oldest.before, q.Course, oldest.layoutBefore.Roster); err != nil {
			return nil, err
		}
	}
	for _, p := range slices.Backward(points) {
		if err := t.tell(p); err != nil {
			return nil, err
		}
	}
	return t.chosen(), nil
}

// teller goes from the oldest to the newest point.
type teller struct {
	repository *Repository
	query      Query
	// class and templates are as they stood, before the point and then after it.
	class     Class
	templates map[string]Template
	events    []Event
}

func (t *teller) tell(p point) error {
	class, err := t.repository.class(p.root, t.query.Course, p.layout.Roster)
	if err != nil {
		return err
	}
	var events []Event
	templates, err := t.repository.templates(p.root, p.layout.Templates)
	if err != nil {
		return err
	}
	for name, now := range templates {
		was, existed := t.templates[name]
		if was.digest == now.digest {
			continue
		}
		now.Commit = p.hash.String()
		t.templates[name] = now
		events = append(events, templateEvent(was, now, existed))
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Template.Name, b.Template.Name) })
	if len(class.Problems) > 0 {
		events = append(events, Event{Kind: Unreadable, Problems: class.Problems})
	} else {
		takeOver(t.class, class)
		events = append(events, t.compare(t.class, class)...)
		t.class = class
	}
	return t.sign(p, events)
}

// takeOver gives rows the names of the Userlands they took over from files, as the
// Course does.
func takeOver(before, after Class) {
	was := byUser(before.Carrels)
	for i := range after.Carrels {
		c := &after.Carrels[i]
		for _, old := range was[c.User] {
			if c.row && old.stays && old.Template == c.Template {
				c.Userland, c.stays = old.Userland, true
			}
		}
	}
}

// sign says of events by which commit they came.
func (t *teller) sign(p point, events []Event) error {
	if len(events) == 0 {
		return nil
	}
	commit, err := t.repository.commit(p.hash)
	if err != nil {
		return err
	}
	for i := range events {
		events[i].Commit, events[i].Course = commit, t.query.Course
	}
	t.events = append(t.events, events...)
	return nil
}

func templateEvent(was, now Template, existed bool) Event {
	e := Event{Kind: TemplateChanged, Template: &now}
	if from, to := strings.Join(was.Images, ", "), strings.Join(now.Images, ", "); from != to && existed {
		e.Changes = []Change{{"images", from, to}}
	}
	return e
}

// compare tells two classes apart, person by person: what someone has is matched
// by Template first, then what is left over with what is new.
func (t *teller) compare(before, after Class) (events []Event) {
	was, is := byUser(before.Carrels), byUser(after.Carrels)
	for _, user := range usersOf(before, after) {
		events = append(events, t.person(was[user], is[user])...)
	}
	return events
}

func (t *teller) person(was, is []Carrel) (events []Event) {
	var gone []Carrel
	fresh := slices.Clone(is)
	pair := func(before Carrel, i int) {
		after := fresh[i]
		fresh = slices.Delete(fresh, i, i+1)
		if kind, changes := difference(before, after); kind != "" {
			events = append(events, t.event(kind, after, changes))
		}
	}
	for _, before := range was {
		if i := slices.IndexFunc(fresh, func(c Carrel) bool { return c.Template == before.Template }); i >= 0 {
			pair(before, i)
		} else {
			gone = append(gone, before)
		}
	}
	for _, before := range gone {
		if len(fresh) > 0 {
			pair(before, 0)
		} else {
			events = append(events, t.event(Removed, before, nil))
		}
	}
	for _, after := range fresh {
		events = append(events, t.event(Added, after, nil))
	}
	return events
}

func (t *teller) event(kind string, carrel Carrel, changes []Change) Event {
	template, known := t.templates[carrel.Template]
	if !known {
		template = Template{Name: carrel.Template}
	}
	return Event{Kind: kind, Carrel: &carrel, Changes: changes, Template: &template}
}

// difference is empty where nothing is worth telling: that a line moved within
// its file is not.
func difference(a, b Carrel) (kind string, changes []Change) {
	for _, f := range []struct{ name, from, to string }{
		{"template", a.Template, b.Template}, {"enabled", strconv.FormatBool(a.Enabled), strconv.FormatBool(b.Enabled)},
		{"section", a.Section, b.Section}, {"name", a.Name, b.Name}, {"userland", a.Userland, b.Userland}, {"file", a.File, b.File},
	} {
		if f.from != f.to {
			changes = append(changes, Change{f.name, f.from, f.to})
		}
	}
	switch {
	case len(changes) == 0:
		return "", nil
	case len(changes) == 1 && changes[0].Field == "file":
		return Moved, changes
	default:
		return Changed, changes
	}
}

func byUser(carrels []Carrel) map[string][]Carrel {
	all := make(map[string][]Carrel, len(carrels))
	for _, c := range carrels {
		all[c.User] = append(all[c.User], c)
	}
	return all
}

// usersOf are those of either class, sorted.
func usersOf(classes ...Class) (users []string) {
	for _, class := range classes {
		for _, c := range class.Carrels {
			users = append(users, c.User)
		}
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// chosen are the events that were asked for. A person is known by any of the
// names they ever had.
func (t *teller) chosen() []Event {
	users := map[string]bool{}
	for _, e := range t.events {
		if e.Carrel != nil && e.Carrel.is(t.query.Student) {
			users[e.Carrel.User] = true
		}
	}
	return slices.DeleteFunc(t.events, func(e Event) bool {
		if t.query.Student != "" && (e.Carrel == nil || !users[e.Carrel.User]) {
			return true
		}
		return t.query.Field != "" && e.Kind != Added && e.Kind != Removed &&
			!slices.ContainsFunc(e.Changes, func(c Change) bool { return c.Field == t.query.Field })
	})
}

func (c Carrel) is(student string) bool {
	return c.User == student || c.Userland == student || strings.EqualFold(c.User, student) || strings.EqualFold(c.Name, student)
}

// At is a course as it stood at a commit. One that could not be read has no carrels:
// those it names were not brought about.
func (r *Repository) At(commit plumbing.Hash, course string, layout Layout) (Class, error) {
	if layout == (Layout{}) {
		layout = DefaultLayout
	}
	h, err := r.header(commit)
	if err != nil {
		return Class{}, err
	}
	class, err := r.class(h.tree, course, layout.of(course).Roster)
	if err == nil && !class.exists {
		err = fmt.Errorf("there is no course %s at %s: nothing lies in %s", course, commit.String()[:12], layout.of(course).Roster)
	}
	if class.Carrels == nil || len(class.Problems) > 0 {
		class.Carrels = []Carrel{}
	}
	return class, err
}

// Before is the last commit of the first parents not younger than a time.
func (r *Repository) Before(ctx context.Context, from plumbing.Hash, when time.Time) (plumbing.Hash, error) {
	for at := from; ; {
		commit, err := r.git.CommitObject(at)
		if err != nil {
			return at, fmt.Errorf("read the commit %s: %w", at, err)
		}
		if !commit.Committer.When.After(when) {
			return at, ctx.Err()
		}
		if r.shallow[at] {
			return at, fmt.Errorf("the clone ends at %s, after %s: fetch the rest (git fetch --unshallow)", day(commit.Committer.When), day(when))
		}
		if len(commit.ParentHashes) == 0 {
			return at, fmt.Errorf("the repository begins on %s, after %s", day(commit.Committer.When), day(when))
		}
		at = commit.ParentHashes[0]
	}
}

// Courses are those of a commit: the directories that hold a roster.
func (r *Repository) Courses(commit plumbing.Hash, layout Layout) (names []string, err error) {
	if layout == (Layout{}) {
		layout = DefaultLayout
	}
	parent, rest, found := strings.Cut(layout.Roster, "/COURSE")
	if !found {
		return nil, fmt.Errorf("the layout %q has no /COURSE: name the course", layout.Roster)
	}
	h, err := r.header(commit)
	if err != nil {
		return nil, err
	}
	at, exists, err := r.find(h.tree, parent)
	if err != nil || !exists || !at.tree {
		return nil, err
	}
	all, err := r.list(at.hash)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if !e.tree {
			continue
		}
		if below, exists, err := r.find(e.hash, strings.TrimPrefix(rest, "/")); err != nil {
			return nil, err
		} else if exists && below.tree {
			names = append(names, e.name)
		}
	}
	return names, nil
}
