package history

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// Layout holds the directories of a course in the repository. The word COURSE
// stands for the course's name.
type Layout struct{ Roster, Templates string }

// DefaultLayout is the layout of this repository, which kustomize/components/course
// applies.
var DefaultLayout = Layout{Roster: "courses/COURSE/roster", Templates: "courses/COURSE/templates"}

func (l Layout) of(course string) Layout {
	return Layout{strings.ReplaceAll(l.Roster, "COURSE", course), strings.ReplaceAll(l.Templates, "COURSE", course)}
}

// The values of Event.Kind.
const (
	// Added means that the carrel is new.
	Added = "added"
	// Changed means that fields of the carrel changed.
	Changed = "changed"
	// Moved means that the carrel is declared in another file, without other
	// changes.
	Moved = "moved"
	// Removed means that the carrel is no longer declared. Its volumes are kept as
	// its Template promises.
	Removed = "removed"
	// TemplateChanged means that a Template was added or changed.
	TemplateChanged = "template"
	// Unreadable means that the class could not be read, so the cluster kept the
	// one before.
	Unreadable = "unreadable"
)

// Fields are the names of the fields whose changes are reported. images belongs to
// a Template, the others to a carrel.
var Fields = func() (names []string) {
	for _, column := range reported() {
		names = append(names, column.Name)
	}
	return append(names, "userland", "file", "images")
}()

// reported returns the columns of rosters whose changes are reported, the one that
// matters most first. The user is who a carrel belongs to, so it never changes.
func reported() []*roster.Column {
	columns := slices.DeleteFunc(slices.Clone(roster.Columns), func(c *roster.Column) bool { return c.Name == "user" })
	weight := func(c *roster.Column) int {
		switch c.Name {
		case "template":
			return 0
		case "enabled":
			return 1
		case "name":
			return 3
		default:
			return 2
		}
	}
	slices.SortStableFunc(columns, func(a, b *roster.Column) int { return weight(a) - weight(b) })
	return columns
}

// ChangedField is one field whose value changed.
type ChangedField struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// Event is one change of a course.
type Event struct {
	Commit
	// Course is the name of the course.
	Course string `json:"course"`
	// Kind is one of the constants above.
	Kind string `json:"kind"`
	// Carrel is the declaration after the change, or before it if it was removed.
	// It is nil for an event of a Template or of the whole class.
	Carrel *class.Student `json:"carrel,omitempty"`
	// Changes are the changed fields.
	Changes []ChangedField `json:"changes,omitempty"`
	// Template is the version in force.
	Template *TemplateVersion `json:"template,omitempty"`
	// Problems are the errors that made the class unreadable.
	Problems []string `json:"problems,omitempty"`
}

// point is a commit that changed a path which decides a course's class or
// Templates.
type point struct {
	hash plumbing.Hash
	// committed is the time of the commit, in seconds since 1970.
	committed int64
	root      plumbing.Hash
	// before is the tree of the parent. It is zero if there is no parent.
	before plumbing.Hash
	layout Layout
	// layoutBefore holds the course's directories before the commit.
	layoutBefore Layout
}

// walked is the key of a walk that had no limit.
type walked struct {
	from   plumbing.Hash
	layout Layout
}

// points walks back from a commit and returns the newest point first. With since, it
// leaves out what is older. It walks once for the whole history of a course.
func (r *Repository) points(ctx context.Context, from plumbing.Hash, layout Layout, since time.Time) (all []point, err error) {
	key := walked{from, layout}
	if known, is := r.walks[key]; is && since.IsZero() {
		return known, nil
	}
	if all, err = r.walk(ctx, from, layout, since); err == nil && since.IsZero() {
		r.walks[key] = all
	}
	return all, err
}

func (r *Repository) walk(ctx context.Context, from plumbing.Hash, layout Layout, since time.Time) (all []point, err error) {
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
		for hash, err := range r.changed(ctx, from, watch, since) {
			if err != nil {
				return nil, err
			}
			p, parent, err := r.pointAt(hash, layout)
			if err != nil {
				return nil, err
			}
			if !since.IsZero() && p.committed < since.Unix() {
				return all, nil
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
		return class.Cover([]string{layout.Roster, layout.Templates}), nil
	}
	return r.classes.Watch(root, layout.Roster, layout.Templates)
}

func (r *Repository) pointAt(hash plumbing.Hash, layout Layout) (p point, parent plumbing.Hash, err error) {
	h, err := r.header(hash)
	if err != nil {
		return point{}, parent, err
	}
	p = point{hash: hash, committed: h.committed, root: h.tree, layout: layout, layoutBefore: layout}
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

// origin returns the course's directories before a commit. It follows renames.
func (r *Repository) origin(before, after plumbing.Hash, layout Layout) (Layout, error) {
	rosterBefore, err := r.cameFrom(before, after, layout.Roster)
	if err != nil {
		return Layout{}, err
	}
	templatesBefore, err := r.cameFrom(before, after, layout.Templates)
	return Layout{rosterBefore, templatesBefore}, err
}

// cameFrom returns the directory of the parent that was renamed to directory. That
// is the one which is gone and held at least half of the files. Without such a
// directory, it returns directory itself.
func (r *Repository) cameFrom(before, after plumbing.Hash, directory string) (string, error) {
	now, exists, err := r.objects.Find(after, directory)
	if err != nil || !exists {
		return directory, err
	}
	if _, there, err := r.objects.Find(before, directory); err != nil || there {
		return directory, err
	}
	wanted := map[plumbing.Hash]bool{}
	if err := r.blobsBelow(now.Hash, wanted); err != nil {
		return directory, err
	}
	s := search{repository: r, wanted: wanted, best: directory}
	root := tree.Entry{Hash: before, Tree: true, Plain: true}
	if _, err := s.visit(".", root, tree.Entry{Hash: after, Tree: true}, true); err != nil {
		return directory, err
	}
	if 2*s.count < len(wanted) {
		return directory, nil
	}
	return s.best, nil
}

func (r *Repository) blobsBelow(directory plumbing.Hash, into map[plumbing.Hash]bool) error {
	all, err := r.objects.List(directory)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Tree {
			if err := r.blobsBelow(e.Hash, into); err != nil {
				return err
			}
		} else {
			into[e.Hash] = true
		}
	}
	return nil
}

// search finds the removed directory that held most of the wanted files. If several
// held as many, it takes the innermost one.
type search struct {
	repository *Repository
	wanted     map[plumbing.Hash]bool
	best       string
	count      int
}

// visit returns the number of wanted files below a directory. It skips directories
// that are equal on both sides, because they were not renamed.
func (s *search) visit(name string, before, after tree.Entry, exists bool) (count int, err error) {
	if exists && before.Hash == after.Hash {
		return 0, nil
	}
	all, err := s.repository.objects.List(before.Hash)
	if err != nil {
		return 0, err
	}
	for _, e := range all {
		if !e.Tree {
			if s.wanted[e.Hash] {
				count++
			}
			continue
		}
		twin, is, err := s.twin(after, exists, e.Name)
		if err != nil {
			return 0, err
		}
		below, err := s.visit(path.Join(name, e.Name), e, twin, is)
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

// twin returns the entry called name in the directory after.
func (s *search) twin(after tree.Entry, exists bool, name string) (twin tree.Entry, is bool, err error) {
	if !exists || !after.Tree {
		return tree.Entry{}, false, nil
	}
	return s.repository.objects.Child(after.Hash, name)
}

// Query selects the events to return.
type Query struct {
	// Course is the name of the course.
	Course string
	// From is the commit at which the walk begins.
	From plumbing.Hash
	// Layout holds the courses' directories. Zero means DefaultLayout.
	Layout Layout
	// Student limits the events to one person, given by login, carrel name or
	// display name. Empty selects everybody, and the Templates.
	Student string
	// Field limits the events to changes of one of the Fields, and to the creation
	// and removal of carrels. Empty selects all.
	Field string
	// Since leaves out older events. Zero leaves out none.
	Since time.Time
}

// Events returns the events of a course, oldest first.
func (r *Repository) Events(ctx context.Context, q Query) ([]Event, error) {
	if q.Layout == (Layout{}) {
		q.Layout = DefaultLayout
	}
	points, err := r.points(ctx, q.From, q.Layout.of(q.Course), q.Since)
	if err != nil {
		return nil, err
	}
	if len(points) == 0 {
		return nil, nil
	}
	t := &collector{repository: r, query: q, templates: map[string]TemplateVersion{}}
	oldest := points[len(points)-1]
	if oldest.before != plumbing.ZeroHash {
		before, err := r.snapshot(oldest.before, q.Course, oldest.layoutBefore.Roster) //nolint:contextcheck // It builds a commit in memory, which nothing interrupts.
		if err != nil {
			return nil, err
		}
		t.carrels = before.Carrels
	}
	for _, p := range slices.Backward(points) { //nolint:contextcheck // As above.
		if err := t.collect(p); err != nil {
			return nil, err
		}
	}
	return t.chosen(), nil
}

// collector collects events from the oldest to the newest point.
type collector struct {
	repository *Repository
	query      Query
	// carrels and templates hold the state before the current point, and after it
	// once the point is done.
	carrels   []class.Student
	templates map[string]TemplateVersion
	events    []Event
}

func (t *collector) collect(p point) error {
	now, err := t.repository.snapshot(p.root, t.query.Course, p.layout.Roster)
	if err != nil {
		return err
	}
	var events []Event
	templates, err := t.repository.templates(p.root, p.layout.Templates)
	if err != nil {
		return err
	}
	for name, is := range templates {
		was, existed := t.templates[name]
		if was.digest == is.digest {
			continue
		}
		is.Commit = p.hash.String()
		t.templates[name] = is
		events = append(events, templateEvent(was, is, existed))
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.Template.Name, b.Template.Name) })
	if len(now.Problems) > 0 {
		events = append(events, Event{Kind: Unreadable, Problems: now.Problems})
	} else {
		was, is := differing(t.carrels, now.Carrels)
		takeOver(was, is)
		events = append(events, t.compare(was, is)...)
		t.carrels = now.Carrels
	}
	return t.sign(p, events)
}

// differing returns the carrels of the users who have others than before. Most versions of
// a roster change one row. Both classes are sorted by user, and the results share their
// memory.
func differing(before, after []class.Student) (was, is [][]class.Student) {
	for len(before)+len(after) > 0 {
		user := userOf(before, after)
		i, j := carrelsOf(before, user), carrelsOf(after, user)
		if !slices.EqualFunc(before[:i], after[:j], isSame) {
			was, is = append(was, before[:i]), append(is, after[:j])
		}
		before, after = before[i:], after[j:]
	}
	return was, is
}

// userOf returns the first user of two classes.
func userOf(before, after []class.Student) string {
	switch {
	case len(before) == 0:
		return after[0].User
	case len(after) == 0:
		return before[0].User
	default:
		return min(before[0].User, after[0].User)
	}
}

// carrelsOf returns how many carrels at the beginning of a class are those of a user.
func carrelsOf(carrels []class.Student, user string) int {
	n := 0
	for n < len(carrels) && carrels[n].User == user {
		n++
	}
	return n
}

// isSame reports whether two declarations are equal except for the line.
func isSame(a, b class.Student) bool {
	a.Line = b.Line
	return a == b
}

// takeOver gives rows the names of the Userlands that they take over, as the Course
// does: from rows of the same user and Template, or from files that are marked for it,
// and from the one row of the user that is left if one is left.
func takeOver(was, is [][]class.Student) {
	for i := range is {
		gone := slices.Clone(was[i])
		var fresh []*class.Student
		for j := range is[i] {
			c := &is[i][j]
			k := slices.IndexFunc(gone, func(old class.Student) bool { return old.Template == c.Template })
			if k < 0 {
				if c.Row {
					fresh = append(fresh, c)
				}
				continue
			}
			if old := gone[k]; c.Row && (old.Row || old.Stays) {
				c.Userland, c.Stays = old.Userland, old.Stays
			}
			gone = slices.Delete(gone, k, k+1)
		}
		gone = slices.DeleteFunc(gone, func(old class.Student) bool { return !old.Row })
		if len(gone) == 1 && len(fresh) == 1 {
			fresh[0].Userland = gone[0].Userland
		}
	}
}

// sign adds the commit and the course to events, and records them.
func (t *collector) sign(p point, events []Event) error {
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

func templateEvent(was, now TemplateVersion, existed bool) Event {
	e := Event{Kind: TemplateChanged, Template: &now}
	if from, to := strings.Join(was.Images, ", "), strings.Join(now.Images, ", "); from != to && existed {
		e.Changes = []ChangedField{{"images", from, to}}
	}
	return e
}

// compare returns the changes of each person. It pairs a person's carrels by Template
// first, then the remaining old ones with the remaining new ones.
func (t *collector) compare(was, is [][]class.Student) (events []Event) {
	for i := range was {
		events = append(events, t.person(was[i], is[i])...)
	}
	return events
}

func (t *collector) person(was, is []class.Student) (events []Event) {
	var gone []class.Student
	fresh := slices.Clone(is)
	pair := func(before class.Student, i int) {
		after := fresh[i]
		fresh = slices.Delete(fresh, i, i+1)
		if kind, changes := difference(before, after); kind != "" {
			events = append(events, t.event(kind, after, changes))
		}
	}
	for _, before := range was {
		if i := slices.IndexFunc(fresh, func(c class.Student) bool { return c.Template == before.Template }); i >= 0 {
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

func (t *collector) event(kind string, carrel class.Student, changes []ChangedField) Event {
	template, known := t.templates[carrel.Template]
	if !known {
		template = TemplateVersion{Name: carrel.Template}
	}
	return Event{Kind: kind, Carrel: &carrel, Changes: changes, Template: &template}
}

// difference returns the kind and the fields of a change. It returns "" if nothing
// changed that is worth reporting; another line in the same file is not.
func difference(a, b class.Student) (kind string, changes []ChangedField) {
	add := func(field, from, to string) {
		if from != to {
			changes = append(changes, ChangedField{field, from, to})
		}
	}
	for _, column := range reported() {
		add(column.Name, column.Cell(a.Student), column.Cell(b.Student))
	}
	add("userland", a.Userland, b.Userland)
	add("file", a.File, b.File)
	switch {
	case len(changes) == 0:
		return "", nil
	case len(changes) == 1 && changes[0].Field == "file":
		return Moved, changes
	default:
		return Changed, changes
	}
}

// chosen returns the events that the query selects. A person matches by any name
// they ever had.
func (t *collector) chosen() []Event {
	users := map[string]bool{}
	for _, e := range t.events {
		if e.Carrel != nil && isCalled(e.Carrel, t.query.Student) {
			users[roster.Person(e.Carrel.User)] = true
		}
	}
	return slices.DeleteFunc(t.events, func(e Event) bool {
		if t.query.Student != "" && (e.Carrel == nil || !users[roster.Person(e.Carrel.User)]) {
			return true
		}
		return t.query.Field != "" && e.Kind != Added && e.Kind != Removed &&
			!slices.ContainsFunc(e.Changes, func(c ChangedField) bool { return c.Field == t.query.Field })
	})
}

// isCalled reports whether a student has the login, the carrel or the name, in any case.
func isCalled(c *class.Student, student string) bool {
	return strings.EqualFold(c.Userland, student) || strings.EqualFold(c.User, student) || strings.EqualFold(c.Name, student)
}

// At returns the class of a course at a commit. A class that could not be read has
// no carrels, because the cluster did not apply it.
func (r *Repository) At(commit plumbing.Hash, course string, layout Layout) (Snapshot, error) {
	if layout == (Layout{}) {
		layout = DefaultLayout
	}
	h, err := r.header(commit)
	if err != nil {
		return Snapshot{}, err
	}
	found, err := r.snapshot(h.tree, course, layout.of(course).Roster)
	if err == nil && !found.exists {
		err = fmt.Errorf("there is no course %s at %s: nothing lies in %s", course, commit.String()[:12], layout.of(course).Roster)
	}
	if found.Carrels == nil || len(found.Problems) > 0 {
		found.Carrels = []class.Student{}
	}
	return found, err
}

// Snapshot is the class of a course at one commit.
type Snapshot struct {
	// Course is the name of the course.
	Course string `json:"course"`
	// Title is the display name of the course. It may be empty.
	Title string `json:"title,omitempty"`
	// Carrels are sorted by user and Template.
	Carrels []class.Student `json:"carrels"`
	// Problems are the errors that made the class unreadable. If there are any, the
	// cluster kept the class it had before.
	Problems []string `json:"problems,omitempty"`

	exists bool
}

// snapshot returns the class that a roster directory declares. root is a commit's tree.
func (r *Repository) snapshot(root plumbing.Hash, course, directory string) (Snapshot, error) {
	d, err := r.classes.At(root, course, directory)
	s := Snapshot{Course: course, Carrels: d.Students, Problems: d.Unread, exists: d.Exists}
	if d.Exists {
		s.Title = d.Course.Spec.Title
	}
	return s, err
}

// Before returns the latest commit, along first parents, that is not younger than
// when.
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
