package enrolment_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

// declared is a carrel as git declares it. The Template of a row whose cell is empty is
// empty.
type declared struct{ user, template string }

// registrar carries out commits of a course as Flux and a controller do that may be
// killed between any two writes.
type registrar struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	course *v1alpha1.Course
	// rows and files are what git declares.
	rows, files map[declared]bool
	there       []v1alpha1.Userland
	made        int
	// named holds the person to whom a name was given first.
	named map[string]string
}

func newRegistrar(t *testing.T, seed uint64) *registrar {
	all := intstr.FromInt32(10_000)
	return &registrar{
		t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 15)),
		course: course(func(c *v1alpha1.Course) {
			c.Spec.Rosters, c.Spec.Guard.MaxRemovals = []v1alpha1.RosterSource{{ConfigMap: "class"}}, &all
		}),
		rows: map[declared]bool{}, files: map[declared]bool{}, named: map[string]string{},
	}
}

func (r *registrar) fatalf(format string, arguments ...any) {
	r.t.Helper()
	r.t.Fatalf("seed %d: %s\nrows %v, files %v, default %q\nthere: %s", r.seed, fmt.Sprintf(format, arguments...),
		slices.Collect(maps.Keys(r.rows)), slices.Collect(maps.Keys(r.files)), r.course.Spec.TemplateName, r.words())
}

func (r *registrar) words() string {
	var all []string
	for i := range r.there {
		u := &r.there[i]
		all = append(all, fmt.Sprintf("%s of %s with %q (%s)", u.Name, u.User(), u.Spec.TemplateName, u.UID))
	}
	return strings.Join(all, ", ")
}

// effective returns a declaration with its Template.
func (r *registrar) effective(d declared) declared {
	return declared{d.user, cmp.Or(d.template, r.course.Spec.TemplateName)}
}

// decide returns what the controller would do now.
func (r *registrar) decide() enrolment.CourseDecision {
	text := "user,template\n"
	lines := slices.SortedFunc(maps.Keys(r.rows), func(a, b declared) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.template, b.template))
	})
	r.random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	for _, row := range lines {
		text += row.user + "," + row.template + "\n"
	}
	r.random.Shuffle(len(r.there), func(i, j int) { r.there[i], r.there[j] = r.there[j], r.there[i] })
	return enrolment.DecideCourse(enrolment.CourseWorld{
		Course: r.course, Userlands: slices.Clone(r.there), Files: []roster.File{{Name: "roster.csv", Data: []byte(text)}}, Now: noon,
	})
}

// settle carries out what git declares, with kills in between.
func (r *registrar) settle() {
	r.t.Helper()
	r.flux()
	for range 50 {
		d := r.decide()
		if h := d.Plan.Held; h != nil {
			r.course.Spec.Guard.Confirm = h.Confirm
			continue
		}
		if !d.Due() {
			if r.finish() {
				continue
			}
			r.course.Status = d.Status()
			return
		}
		r.write(d)
	}
	r.fatalf("it never settles")
}

// flux creates and prunes the Userlands of files.
func (r *registrar) flux() {
	r.there = slices.DeleteFunc(r.there, func(u v1alpha1.Userland) bool {
		return !metav1.IsControlledBy(&u, r.course) && !r.files[declared{u.User(), u.Spec.TemplateName}]
	})
	for file := range r.files {
		name := "file-" + strings.ToLower(file.user) + file.template
		if !slices.ContainsFunc(r.there, func(u v1alpha1.Userland) bool { return u.Name == name }) {
			r.create(v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserlandSpec{User: file.user, TemplateName: file.template}})
		}
	}
}

func (r *registrar) create(u v1alpha1.Userland) {
	r.made++
	u.UID = types.UID(fmt.Sprint(r.made))
	r.there = append(r.there, u)
}

// write makes some of the changes of a decision, as the controller does: removals last.
func (r *registrar) write(d enrolment.CourseDecision) {
	r.t.Helper()
	killed := func() bool { return r.random.IntN(8) == 0 }
	for _, want := range d.Plan.Wants {
		if killed() {
			return
		}
		r.want(want)
	}
	if status, due := d.Record(); due {
		r.course.Status = status
	}
	for _, removed := range d.Plan.Removals {
		if killed() {
			return
		}
		r.remove(removed.Name)
	}
}

func (r *registrar) want(want enrolment.Want) {
	r.t.Helper()
	i := slices.IndexFunc(r.there, func(u v1alpha1.Userland) bool { return u.Name == want.Name })
	switch {
	case i >= 0 && want.Found == nil:
		r.fatalf("it creates %s, which is there", want.Name)
	case i >= 0:
		if r.there[i].User() != want.Row.User {
			r.fatalf("it gives %s to %s", want.Name, want.Row.User)
		}
		r.there[i].Spec.TemplateName = want.Row.Template
		r.annotate(&r.there[i], want)
		return
	}
	person := roster.Person(want.Row.User)
	if was := cmp.Or(r.named[want.Name], person); was != person {
		r.fatalf("the name %s was that of %s, and is given to %s", want.Name, was, person)
	}
	r.named[want.Name] = person
	for j := range r.there {
		if u := &r.there[j]; u.User() != want.Row.User && roster.Person(u.User()) == person {
			r.fatalf("%s comes beside %s", want.Row.User, u.User())
		}
	}
	u := owned(want.Row.User)[0]
	u.Name, u.Spec.TemplateName = want.Name, want.Row.Template
	r.annotate(&u, want)
	r.create(u)
}

// annotate gives a Userland the annotations that the controller writes.
func (r *registrar) annotate(u *v1alpha1.Userland, want enrolment.Want) {
	if u.Annotations == nil {
		u.Annotations = map[string]string{}
	}
	maps.Copy(u.Annotations, enrolment.Userland(r.course, want).Annotations)
}

// remove deletes a Userland, at once or once its pods are gone.
func (r *registrar) remove(name string) {
	i := slices.IndexFunc(r.there, func(u v1alpha1.Userland) bool { return u.Name == name })
	if r.random.IntN(3) == 0 {
		r.there[i].DeletionTimestamp = ptr.To(metav1.NewTime(noon))
		return
	}
	r.there = slices.Delete(r.there, i, i+1)
}

// finish lets the Userlands go that are being deleted, and reports whether there were any.
func (r *registrar) finish() bool {
	before := len(r.there)
	r.there = slices.DeleteFunc(r.there, func(u v1alpha1.Userland) bool { return u.DeletionTimestamp != nil })
	return len(r.there) < before
}

var (
	logins         = []string{"kai", "Kai", "rin", "Rin", "s.o", "S.o"}
	someTemplates  = []string{"", "ide", "db", "web"}
	otherTemplates = []string{"ide", "db", "web"}
)

// commit edits git as teachers do.
func (r *registrar) commit() {
	for range 1 + r.random.IntN(3) {
		login := logins[r.random.IntN(len(logins))]
		row := declared{login, someTemplates[r.random.IntN(len(someTemplates))]}
		mine := slices.SortedFunc(maps.Keys(r.rows), func(a, b declared) int { return cmp.Compare(a.user+a.template, b.user+b.template) })
		mine = slices.DeleteFunc(mine, func(d declared) bool { return roster.Person(d.user) != roster.Person(login) })
		switch n := r.random.IntN(10); {
		case n == 0: // to another default
			r.course.Spec.TemplateName = otherTemplates[r.random.IntN(len(otherTemplates))]
		case n == 1: // a file
			clear(r.files)
			r.files[declared{login, otherTemplates[r.random.IntN(len(otherTemplates))]}] = true
		case n == 2:
			clear(r.files)
		case n < 5 && len(mine) > 0: // a cell filled or emptied, or a move
			delete(r.rows, mine[0])
			r.rows[declared{mine[0].user, row.template}] = true
		case n < 7 && len(mine) > 0: // a login corrected in case
			for _, d := range mine {
				delete(r.rows, d)
				r.rows[declared{login, d.template}] = true
			}
		case n < 8:
			for _, d := range mine {
				delete(r.rows, d)
			}
		default:
			r.rows[row] = true
		}
	}
}

// has returns what the cluster has: the UID of each carrel, by user and effective
// Template, and whose the Course is.
func (r *registrar) has() (all map[declared]types.UID, course map[declared]bool) {
	r.t.Helper()
	all, course = map[declared]types.UID{}, map[declared]bool{}
	for i := range r.there {
		u := &r.there[i]
		d := r.effective(declared{u.User(), u.Spec.TemplateName})
		if _, twice := all[d]; twice && course[d] && metav1.IsControlledBy(u, r.course) {
			r.fatalf("%v has two carrels", d)
		}
		if course[d] {
			continue
		}
		all[d], course[d] = u.UID, metav1.IsControlledBy(u, r.course)
	}
	return all, course
}

// wanted returns the carrels that git declares. A row is left out if a file has the same
// user in another spelling, which only a person can decide.
func (r *registrar) wanted() map[declared]bool {
	all := map[declared]bool{}
	for file := range r.files {
		all[r.effective(file)] = true
	}
	for row := range r.rows {
		another := false
		for file := range r.files {
			another = another || file.user != row.user && roster.Person(file.user) == roster.Person(row.user)
		}
		if !another {
			all[r.effective(row)] = true
		}
	}
	return all
}

// check compares what came of a commit with what was there before, as the table of
// decision 16 has it: by user and effective Template, then one left with one left.
func (r *registrar) check(before map[declared]types.UID, ours map[declared]bool) { //nolint:gocyclo // A list of rules.
	r.t.Helper()
	now, oursNow := r.has()
	got := map[declared]bool{}
	for d := range now {
		got[d] = true
	}
	want := r.wanted()
	maps.DeleteFunc(got, func(d declared, _ bool) bool { return !want[d] && r.undecided(d) })
	if diff := gocmp.Diff(want, got); diff != "" {
		r.fatalf("carrels (-of git +of the cluster):\n%s", diff)
	}
	for d, was := range before {
		if is, stays := now[d]; stays && ours[d] == oursNow[d] && was != is {
			r.fatalf("%v was %s and is made again as %s", d, was, is)
		}
	}
	for _, login := range logins {
		gone, came := r.left(login, before, ours, oursNow)
		if len(gone) == 1 && len(came) == 1 && before[gone[0]] != now[came[0]] {
			r.fatalf("%s is moved from %s to %s, and %s is made again as %s", login, gone[0].template, came[0].template, before[gone[0]], now[came[0]])
		}
		for _, d := range came {
			if len(gone) == 1 && len(came) > 1 && before[gone[0]] == now[d] {
				r.fatalf("%s has %d new carrels in the place of that with %s, which is moved to %s", login, len(came), gone[0].template, d.template)
			}
		}
	}
}

// undecided reports whether a row that was there before a file of another spelling has
// the carrel. It stays.
func (r *registrar) undecided(d declared) bool {
	return r.rows[d] || d.template == r.course.Spec.TemplateName && r.rows[declared{d.user, ""}]
}

// left returns the carrels of rows of a user that went and that came, by their Templates.
func (r *registrar) left(login string, before map[declared]types.UID, ours, oursNow map[declared]bool) (gone, came []declared) {
	for _, template := range otherTemplates {
		d := declared{login, template}
		_, had := before[d]
		_, has := oursNow[d]
		switch {
		case had && ours[d] && !has:
			gone = append(gone, d)
		case !ours[d] && oursNow[d]:
			came = append(came, d)
		}
	}
	return gone, came
}

// TestMatchingOverRandomHistories carries out random commits and kills, and compares
// whose carrels there are with git.
func TestMatchingOverRandomHistories(t *testing.T) {
	histories := 1000
	if testing.Short() {
		histories = 300
	}
	for seed := range uint64(histories) {
		r := newRegistrar(t, seed)
		for range 40 {
			course, rows, files := r.course.Spec.TemplateName, maps.Clone(r.rows), maps.Clone(r.files)
			before, ours := r.has()
			r.commit()
			if errs := r.decide().Plan.Errors; len(errs) > 0 {
				// Nothing happens for a mistake, so a history goes on without it.
				r.course.Spec.TemplateName, r.rows, r.files = course, rows, files
				continue
			}
			after := r.course.Spec.TemplateName
			r.settle()
			if after != course {
				before, ours = nil, nil // another default gives carrels other Templates
			}
			r.check(before, ours)
		}
		r.rebuild()
	}
}

// rebuild compares a cluster that is made from the same git, with all cells filled or
// emptied: it names carrels alike.
func (r *registrar) rebuild() {
	r.t.Helper()
	names := func(cell func(template string) string) map[declared]string {
		again := newRegistrar(r.t, r.seed)
		again.course.Spec.TemplateName = r.course.Spec.TemplateName
		for row := range r.rows {
			again.rows[declared{row.user, cell(row.template)}] = true
		}
		again.settle()
		all := map[declared]string{}
		for i := range again.there {
			all[again.effective(declared{again.there[i].User(), again.there[i].Spec.TemplateName})] = again.there[i].Name
		}
		return all
	}
	filled := names(func(template string) string { return cmp.Or(template, r.course.Spec.TemplateName) })
	emptied := names(func(template string) string {
		if template == r.course.Spec.TemplateName {
			return ""
		}
		return template
	})
	if diff := gocmp.Diff(filled, emptied); diff != "" {
		r.fatalf("names (-with cells filled +with cells emptied):\n%s", diff)
	}
}
