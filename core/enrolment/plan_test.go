package enrolment_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

func course(edit ...func(*v1alpha1.Course)) *v1alpha1.Course {
	c := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: "prog1", Namespace: "prog1", UID: "uid"}, Spec: v1alpha1.CourseSpec{TemplateName: "ide"}}
	for _, e := range edit {
		e(c)
	}
	return c
}

// owned are Userlands that rows of these users became.
func owned(users ...string) []v1alpha1.Userland {
	all := make([]v1alpha1.Userland, len(users))
	for i, user := range users {
		all[i].Name, all[i].UID, all[i].Spec.User = user, types.UID(user), user
		all[i].OwnerReferences = []metav1.OwnerReference{{Kind: "Course", UID: "uid", Controller: new(true)}}
	}
	return all
}

// named, with and deleted return the Userlands with another name and Template, and while
// they are being deleted.
func named(all []v1alpha1.Userland, name string) []v1alpha1.Userland {
	all[0].Name = name
	return all
}

func with(all []v1alpha1.Userland, template string) []v1alpha1.Userland {
	all[0].Spec.TemplateName = template
	return all
}

func deleted(all []v1alpha1.Userland) []v1alpha1.Userland {
	all[0].DeletionTimestamp = ptr.To(metav1.NewTime(noon))
	return all
}

func ofFile(name string, edit func(*v1alpha1.Userland)) v1alpha1.Userland {
	u := v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}}
	edit(&u)
	return u
}

func read(rows ...string) roster.Roster {
	return roster.Read(roster.File{Name: "roster.csv", Data: []byte("user,template,section\n" + strings.Join(rows, "\n") + "\n")})
}

// replacing returns a Userland that was made in the place of the one with the UID kai,
// together with others.
func replacing(all []v1alpha1.Userland) []v1alpha1.Userland {
	all[0].Name, all[0].UID = "kai-web", "kai-web"
	all[0].Annotations = map[string]string{v1alpha1.ReplacesAnnotation: "kai"}
	return all
}

func people(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("s%03d", i)
	}
	return all
}

// words are a plan in short.
func words(p enrolment.Plan) string {
	var said []string
	for _, e := range p.Errors {
		said = append(said, "error "+e.String())
	}
	for _, w := range p.Wants {
		verb := "make"
		if w.Found != nil {
			verb = "change"
		}
		said = append(said, verb+" "+w.Name)
	}
	for _, u := range p.Removals {
		said = append(said, "remove "+u.Name)
	}
	if p.Held != nil {
		said = append(said, fmt.Sprintf("hold %d of %d", p.Held.Removals, p.Held.Of))
	}
	if n := len(p.Waiting); n > 0 {
		said = append(said, fmt.Sprintf("wait %d", n))
	}
	if p.Files > 0 {
		said = append(said, fmt.Sprintf("leave %d", p.Files))
	}
	return strings.Join(said, ", ")
}

func TestRowsAreMatched(t *testing.T) {
	db := named(with(owned("kai"), "db"), "z-of-kai")
	for _, test := range []struct {
		name   string
		there  []v1alpha1.Userland
		rows   []string
		want   string
		course func(*v1alpha1.Course)
	}{
		{name: "somebody new", rows: []string{"kai"}, want: "make kai"},
		{name: "all as they are meant to be", there: owned("kai"), rows: []string{"kai"}, want: ""},
		{name: "another section", there: owned("kai"), rows: []string{"kai,,b"}, want: "change kai"},
		{name: "one who leaves", there: owned("kai", "rin"), rows: []string{"rin"}, want: "remove kai"},
		{name: "a Userland of another name for the same user and Template", there: db, rows: []string{"kai,db"}, want: ""},
		{name: "the course's Template by its name", there: owned("kai"), rows: []string{"kai,ide"}, want: "change kai"},
		{name: "two Templates, of which one is there", there: owned("kai"), rows: []string{"kai", "kai,db"}, want: "make kai-db-"},
		{name: "one row by two spellings", rows: []string{"kai", "kai,ide"},
			want: `error roster.csv line 3: the same user and template as roster.csv line 2: an empty template is the course's, "ide": delete one`},
		{name: "somebody new, with the course's Template in the cell", rows: []string{"kai,ide"}, want: "make kai"},
		{name: "a name of before, when a filled cell changed it", there: named(owned("kai"), "kai-ide-x"), rows: []string{"kai,ide"}, want: "change kai-ide-x"},
		{name: "another Template", there: owned("kai"), rows: []string{"kai,db"}, want: "change kai"},
		{name: "another Template beside one that stays", there: append(owned("kai"), db...), rows: []string{"kai", "kai,web"}, want: "change z-of-kai"},
		{name: "two other Templates", there: append(owned("kai"), db...), rows: []string{"kai,web", "kai,r"}, want: "make kai-web-p8n7vv7jfcwx, make kai-r-"},
		{name: "two other Templates for one carrel", there: owned("kai"), rows: []string{"kai,web", "kai,r"}, want: "make kai-web-p8n7vv7jfcwx, make kai-r-"},
		{name: "two other Templates for one carrel, of which one is made", there: append(owned("kai"), replacing(with(owned("kai"), "web"))...),
			rows: []string{"kai,web", "kai,r"}, want: "make kai-r-"},
		{name: "the same, and the former Template has its row back", there: append(owned("kai"), replacing(with(owned("kai"), "web"))...),
			rows: []string{"kai", "kai,web"}, want: "change kai-web"},
		{name: "a carrel that was moved has the name", there: with(owned("kai"), "db"), rows: []string{"kai", "kai,db"}, want: "make kai-ide-"},
		{name: "a Userland that is being deleted", there: deleted(owned("kai")), rows: []string{"kai"}, want: "wait 1"},
		{name: "a Userland that is being deleted, and another Template", there: deleted(owned("kai")), rows: []string{"kai,db"}, want: "wait 1"},
		{name: "a login corrected in case", there: owned("Kai", "rin", "sora"), rows: []string{"kai", "rin", "sora"}, want: "remove Kai, wait 1"},
		{name: "a login corrected in case, whose former carrel is being deleted", there: deleted(owned("Kai")), rows: []string{"kai"}, want: "wait 1"},
		{name: "a login corrected in case, with another Template", there: owned("Kai", "rin", "sora"), rows: []string{"kai,db", "rin", "sora"}, want: "remove Kai, wait 1"},
		{name: "a login corrected in case, of the whole class", there: owned("Kai"), rows: []string{"kai"}, want: "hold 1 of 1, wait 1"},
		{name: "a file of the login in another case", there: []v1alpha1.Userland{ofFile("kai", func(u *v1alpha1.Userland) { u.Spec.User = "Kai" })},
			rows: []string{"kai"}, want: "leave 1"},
		{name: "one default for two carrels of a user, of which one goes", there: append(owned("kai"), db...), rows: []string{"kai", "rin"},
			course: func(c *v1alpha1.Course) { c.Spec.TemplateName = "db" }, want: "change z-of-kai, make rin, remove kai"},
		{name: "another default, for which a row names the former one", there: owned("kai"), rows: []string{"kai,ide"},
			course: func(c *v1alpha1.Course) { c.Spec.TemplateName = "web" }, want: "change kai"},
		{name: "another default, and both rows name theirs", there: append(owned("kai"), db...), rows: []string{"kai,ide", "kai"},
			course: func(c *v1alpha1.Course) { c.Spec.TemplateName = "db" }, want: "change z-of-kai, change kai"},
		{name: "a file", there: []v1alpha1.Userland{ofFile("kai", func(*v1alpha1.Userland) {})}, rows: []string{"kai"}, want: "leave 1"},
		{name: "a file of another user that has the name", there: []v1alpha1.Userland{ofFile("kai", func(u *v1alpha1.Userland) { u.Spec.User = "rin" })},
			rows: []string{"kai"}, want: "make kai-ide-"},
		{name: "files of another user that have the names", there: []v1alpha1.Userland{
			ofFile("kai", func(u *v1alpha1.Userland) { u.Spec.User = "rin" }),
			ofFile(roster.Student{User: "kai", Template: "ide"}.UserlandName(""), func(u *v1alpha1.Userland) { u.Spec.User = "rin" }),
		}, rows: []string{"kai"}, want: "make kai-ide-2-"},
		{name: "the course's Template changed meanwhile, for a row that says the former one", there: append(owned("kai"), db...), rows: []string{"kai,db", "kai"},
			course: func(c *v1alpha1.Course) { c.Spec.TemplateName = "web" }, want: ""},
		{name: "a course with so long a name", course: func(c *v1alpha1.Course) { c.Name = strings.Repeat("c", 59) }, rows: []string{"kai"},
			want: "error roster.csv line 2: the carrel's host name would have 64 characters, at most 63: give the course a shorter name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := course()
			if test.course != nil {
				test.course(c)
			}
			got := words(enrolment.Make(c, test.there, read(test.rows...), noon))
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("it is to %q, want %q", got, test.want)
			}
		})
	}
}

func TestGuard(t *testing.T) {
	limit := func(l intstr.IntOrString) func(*v1alpha1.Course) {
		return func(c *v1alpha1.Course) { c.Spec.Guard.MaxRemovals = &l }
	}
	was := func(rows int32) func(*v1alpha1.Course) {
		return func(c *v1alpha1.Course) { c.Status.Roster = &v1alpha1.RosterStatus{Digest: "before", Rows: rows} }
	}
	for _, test := range []struct {
		name         string
		there, stay  int
		edit         []func(*v1alpha1.Course)
		held, remove int
	}{
		{name: "three of ten pass by default", there: 10, stay: 7, remove: 3},
		{name: "four of ten do not", there: 10, stay: 6, held: 4},
		{name: "a tenth of a hundred passes", there: 100, stay: 90, remove: 10},
		{name: "one more does not", there: 100, stay: 89, held: 11},
		{name: "everybody never does", there: 2, stay: 0, held: 2},
		{name: "nor if everybody is few and others came", there: 4, stay: 0, edit: []func(*v1alpha1.Course){was(2)}, held: 4},
		{name: "a number", there: 10, stay: 8, edit: []func(*v1alpha1.Course){limit(intstr.FromInt32(1))}, held: 2},
		{name: "a number that is enough", there: 10, stay: 1, edit: []func(*v1alpha1.Course){limit(intstr.FromInt32(9))}, remove: 9},
		{name: "none at all", there: 10, stay: 9, edit: []func(*v1alpha1.Course){limit(intstr.FromInt32(0))}, held: 1},
		{name: "what was added of the change makes it no smaller", there: 60, stay: 55, edit: []func(*v1alpha1.Course){was(30)}, held: 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			plan := enrolment.Make(course(test.edit...), owned(people(test.there)...), read(people(test.stay)...), noon)
			held := 0
			if plan.Held != nil {
				held = int(plan.Held.Removals)
			}
			if held != test.held || len(plan.Removals) != test.remove {
				t.Errorf("%d are held and %d removed, want %d and %d", held, len(plan.Removals), test.held, test.remove)
			}
		})
	}
}

// A word is for one change: from these rows to those, in whatever order.
func TestAConfirmationIsForOneChange(t *testing.T) {
	c := course(func(c *v1alpha1.Course) { c.Status.Roster = &v1alpha1.RosterStatus{Digest: "before", Rows: 9} })
	there := owned(people(9)...)
	held := enrolment.Make(c, there, read("s000", "s001"), noon)
	c.Spec.Guard.Confirm = held.Held.Confirm
	if plan := enrolment.Make(c, there, read("s001", "s000"), noon); len(plan.Removals) != 7 {
		t.Errorf("it is confirmed, and the plan is to %s", words(plan))
	}
	if plan := enrolment.Make(c, there[:6], read("s001", "s000"), noon); len(plan.Removals) != 4 {
		t.Errorf("half of it is done, and the plan is to %s", words(plan))
	}
	if plan := enrolment.Make(c, there, read("s001"), noon); plan.Held == nil {
		t.Errorf("another roster passes by it: %s", words(plan))
	}
	c.Status.Roster.Digest = held.Digest
	if plan := enrolment.Make(c, there, read("s001", "s000"), noon); plan.Held == nil {
		t.Errorf("it is spent, and the same roster passes again: %s", words(plan))
	}
}

func TestAFileMarkedMovesOver(t *testing.T) {
	file := ofFile("kai", func(u *v1alpha1.Userland) {
		u.Annotations = map[string]string{enrolment.PruneAnnotation: enrolment.PruneDisabled}
	})
	if got := words(enrolment.Make(course(), []v1alpha1.Userland{file}, read("kai"), noon)); got != "change kai" {
		t.Errorf("the plan is to %q, want it taken over", got)
	}
	if got := words(enrolment.Make(course(), []v1alpha1.Userland{file}, read("kai,,b"), noon)); got != "leave 1" {
		t.Errorf("the two differ, and the plan is to %q", got)
	}
	file.OwnerReferences = []metav1.OwnerReference{{Kind: "Other", UID: "x", Controller: new(true)}}
	if got := words(enrolment.Make(course(), []v1alpha1.Userland{file}, read("kai"), noon)); got != "leave 1" {
		t.Errorf("it is another controller's, and the plan is to %q", got)
	}
}

// A class replaced by another one is everybody, also once the others are there.
func TestEverybodyIsHeldThoughOthersCame(t *testing.T) {
	c := course(func(c *v1alpha1.Course) { c.Status.Roster = &v1alpha1.RosterStatus{Digest: "before", Rows: 2} })
	if plan := enrolment.Make(c, owned("kai", "rin", "sora", "yui"), read("sora", "yui"), noon); plan.Held == nil {
		t.Errorf("the whole of the former class goes: %s", words(plan))
	}
}

// The shard of a Course is that of its Userlands, whatever is wrong with the rosters.
// Students who have files of their own are git's to label.
func TestRowsFollowTheirCourseToAnotherShard(t *testing.T) {
	const shard = "sharding.carrel.dev/shard"
	labels := func(value string) map[string]string {
		return map[string]string{shard: value, "kustomize.toolkit.fluxcd.io/name": "roster"}
	}
	for _, test := range []struct {
		name        string
		course, kai map[string]string
		want        map[string]string
	}{
		{name: "none has a shard"},
		{name: "both have the same", course: labels("a"), kai: map[string]string{shard: "a", "seat": "7"}},
		{name: "the Course has another one", course: labels("b"), kai: labels("a"), want: map[string]string{shard: "b"}},
		{name: "the Course has one", course: labels("b"), want: map[string]string{shard: "b"}},
		{name: "the Course has none any more", kai: labels("a"), want: map[string]string{shard: "nil"}},
		{name: "the Course has it by another label", course: map[string]string{"sharding.carrel.dev/key": "b"}, kai: labels("a"),
			want: map[string]string{"sharding.carrel.dev/key": "b", shard: "nil"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := worldOf(owned("kai"), "kai", "kai")
			w.Course.Labels, w.Userlands[0].Labels = test.course, test.kai
			w.Userlands = append(w.Userlands, ofFile("rin", func(u *v1alpha1.Userland) { u.Labels = test.kai }))
			var got map[string]string
			for _, move := range enrolment.Moves(w) {
				if move.Userland.Name != "kai" || got != nil {
					t.Fatalf("%s is moved", move.Userland.Name)
				}
				got = map[string]string{}
				for name, value := range move.Labels {
					got[name] = ptr.Deref(value, "nil")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("labels that kai is given (-want +got):\n%s", diff)
			}
		})
	}
}
