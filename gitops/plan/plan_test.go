package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/plan"
)

var update = flag.Bool("update", false, "write what comes out as what is wanted")

var now = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// course returns a Course of two sections that meet on Mondays.
func course() *v1alpha1.Course {
	c := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: "prog1"}}
	c.Spec.Title, c.Spec.TemplateName = "Programming 1", "ide"
	c.Spec.Timetable = &v1alpha1.Timetable{
		TimeZone: "Asia/Tokyo", Term: v1alpha1.Term{FirstDay: "2026-10-01", LastDay: "2026-10-14"},
		Sessions: []v1alpha1.Session{
			{Name: "Lab A", Weekdays: []v1alpha1.Weekday{"Monday"}, Start: "09:00", Duration: metav1.Duration{Duration: 90 * time.Minute}, Sections: []string{"a"}},
			{Name: "Lab B", Weekdays: []v1alpha1.Weekday{"Monday"}, Start: "10:00", Duration: metav1.Duration{Duration: 90 * time.Minute}, Sections: []string{"b"}},
		},
	}
	return c
}

func template(name, image string) v1alpha1.Template {
	t := v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Name: name}}
	t.Spec.Template.Spec.Containers = []corev1.Container{{
		Name: "main", Image: image,
		Resources: corev1.ResourceRequirements{Requests: list("cpu", "100m", "memory", "256Mi"), Limits: list("memory", "1Gi")},
	}}
	t.Spec.Service.Ports = []v1alpha1.ServicePort{{Name: "http", Port: 8080}}
	t.Spec.Volumes = []v1alpha1.Volume{
		{Name: "home", Retain: "30d", PVCSpec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: list("storage", "1Gi")}}},
		{Name: "archive", Retain: "Forever", PVCSpec: corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: list("storage", "2Gi")}}},
	}
	t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	t.Spec.Rollout.When = v1alpha1.RolloutOnNextStart
	return t
}

func list(pairs ...string) corev1.ResourceList {
	l := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		l[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return l
}

func rows(text string) []roster.File {
	return []roster.File{{Name: "roster.csv", Data: []byte(text)}}
}

func file(name, template string) v1alpha1.Userland {
	return v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.UserlandSpec{TemplateName: template}}
}

// class returns a class of six students on a roster and one with a file.
func prog1() plan.Class {
	return plan.Class{Class: class.Class{
		Course:    course(),
		Templates: []v1alpha1.Template{template("ide", "ide:1"), template("database", "db:1")},
		Userlands: []v1alpha1.Userland{file("assistant", "database")},
		Rosters: rows("user,name,section,template,enabled\n" +
			"u1,Sato,a,,\nu2,Suzuki,a,,\nu3,Tanaka,a,,\nu4,Ito,b,,\nu5,Abe,b,database,\nu6,Mori,b,,no\n"),
		Quotas: []corev1.ResourceQuota{{Spec: corev1.ResourceQuotaSpec{Hard: list("pods", "5", "requests.cpu", "1", "memory", "4Gi", "requests.storage", "30Gi")}}},
	}}
}

var stories = []struct {
	name   string
	change func(*plan.Class)
}{
	{"nothing", func(*plan.Class) {}},
	{"people", func(c *plan.Class) {
		c.Rosters = rows("user,name,section,template,enabled\n" +
			"u1,Sato,a,,no\nu2,Suzuki,b,,\nu3,Tanaka,a,database,\nu4,Ito,b,,\nu6,Mori,b,,\nu7,Kato <b>@all</b>,b,,\nu8,Ono,b,,\n")
		c.Userlands = nil
	}},
	{"templates", func(c *plan.Class) {
		next := template("ide", "ide:2")
		next.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "GREETING", Value: "hello\nworld"}}
		next.Spec.Template.Spec.Containers[0].Resources.Requests = list("cpu", "500m", "memory", "256Mi")
		sized := template("database", "db:1")
		sized.Spec.Volumes[0].Retain = "60d"
		c.Templates = []v1alpha1.Template{next, sized, template("new", "new:1")}
		c.Course.Spec.Timetable.Sessions[0].Duration.Duration = time.Hour
		c.Course.Spec.Notice = "bring your card"
	}},
	{"restarted", func(c *plan.Class) {
		c.Templates[0] = template("ide", "ide:2")
		c.Templates[0].Spec.Rollout.When = v1alpha1.RolloutImmediate
		c.Templates = c.Templates[:1]
	}},
	{"default", func(c *plan.Class) { c.Course.Spec.TemplateName = "database" }},
	{"moves", func(c *plan.Class) {
		web := template("web", "web:1")
		web.Spec.Volumes[1].Name = "pages"
		c.Templates = append(c.Templates, web)
		c.Userlands[0].Spec.TemplateName = "web"
		c.Rosters = rows("user,name,section,template,enabled\n" +
			"u1,Sato,a,web,\nU2,Suzuki,a,,\nu3,Tanaka,a,,\nU4,Ito,b,database,\nu5,Abe,b,ide,\nu6,Mori,b,,no\nu6,Mori,b,web,\n")
	}},
	{"removed", func(c *plan.Class) { c.Rosters = rows("user,section\nu1,a\n") }},
	{"wrong", func(c *plan.Class) { c.Rosters = rows("user,section\nu1,a\nu1,b\n") }},
	{"new", nil},
	{"ended", func(c *plan.Class) { *c = plan.Class{} }},
}

func TestGolden(t *testing.T) {
	for _, story := range stories {
		t.Run(story.name, func(t *testing.T) {
			before, after := prog1(), prog1()
			if story.change == nil {
				before = plan.Class{}
			} else {
				story.change(&after)
			}
			plans := []plan.Plan{plan.Compare("prog1", before, after, now)}
			var text, markdown bytes.Buffer
			if err := plan.WriteText(&text, plans); err != nil {
				t.Fatal(err)
			}
			if err := plan.WriteMarkdown(&markdown, plans); err != nil {
				t.Fatal(err)
			}
			data, err := json.MarshalIndent(plans, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, story.name+".txt", text.Bytes())
			golden(t, story.name+".md", markdown.Bytes())
			golden(t, story.name+".json", append(data, '\n'))
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestConfirmed checks that the line in the plan lets the removal pass once it is
// committed.
func TestConfirmed(t *testing.T) {
	for name, change := range map[string]func(*plan.Class){
		"rows":  func(c *plan.Class) { c.Rosters = rows("user,section\nu1,a\n") },
		"files": func(c *plan.Class) { c.Userlands = c.Userlands[:3] },
	} {
		t.Run(name, func(t *testing.T) {
			before, after := prog1(), prog1()
			for _, c := range []*plan.Class{&before, &after} {
				for i := range 4 {
					c.Userlands = append(c.Userlands, file(fmt.Sprintf("f%d", i), ""))
				}
			}
			after.Course.Spec.Guard.MaxRemovals = ptr.To(intstr.FromInt32(1))
			change(&after)
			held := plan.Compare("prog1", before, after, now)
			if len(held.Held) != 1 || !held.Unconfirmed() {
				t.Fatalf("held: %+v", held.Held)
			}
			if held.Held[0].Files != (name == "files") {
				t.Errorf("held: %+v", held.Held[0])
			}
			var word string
			if _, err := fmt.Sscanf(held.Held[0].Confirm, "spec.guard.confirm: %q", &word); err != nil {
				t.Fatal(err)
			}
			after.Course.Spec.Guard.Confirm = word
			if p := plan.Compare("prog1", before, after, now); p.Unconfirmed() {
				t.Errorf("confirmed, and still held: %+v", p.Held)
			}
			after.Course.Spec.Guard.Confirm = strings.Repeat("0", len(word))
			if p := plan.Compare("prog1", before, after, now); !p.Unconfirmed() {
				t.Error("another word lets it pass")
			}
		})
	}
}

// TestGuardOverDays checks that the guard counts what the commits of the last days
// removed, as the controller does.
func TestGuardOverDays(t *testing.T) {
	of := func(from, to int, confirm string) plan.Class {
		text := "user\n"
		for i := from; i < to; i++ {
			text += fmt.Sprintf("s%03d\n", i)
		}
		c := plan.Class{Class: class.Class{Course: course(), Templates: prog1().Templates, Rosters: rows(text)}}
		c.Course.Spec.Guard.Confirm = confirm
		return c
	}
	versions := func(classes ...plan.Class) (past []plan.Version) {
		for i, c := range classes {
			past = append(past, plan.Version{Class: c.Class, At: now.AddDate(0, 0, i-len(classes))})
		}
		return past
	}
	for _, test := range []struct {
		name string
		past []plan.Version
		is   plan.Class
		held string
	}{
		{"alone", versions(of(0, 300, "")), of(0, 275, ""), ""},
		{"after another one", versions(of(0, 300, ""), of(10, 300, "")), of(10, 275, ""), "would remove 25 of 300 students (rows), which makes 35 within 7 days"},
		{"after the same came back", versions(of(0, 300, ""), of(10, 300, ""), of(0, 300, "")), of(0, 275, ""), ""},
		{"of other students than those who came", versions(of(0, 300, ""), of(20, 320, "")), of(40, 340, ""), "would remove 20 of 300 students (rows), which makes 40 within 7 days"},
		{"while a former one is held", versions(of(0, 300, ""), of(100, 300, "")), of(110, 300, ""), "would remove 110 of 300 students (rows)"},
		{"after a mistake in the roster, which changed nothing", versions(of(0, 300, ""), plan.Class{Class: class.Class{Course: course(), Rosters: rows("usr\n")}}), of(0, 275, ""), ""},
		{"of a course that was gone", versions(of(0, 300, ""), plan.Class{}, of(0, 200, "")), of(0, 185, ""), ""},
		{"of a class that was larger", versions(of(0, 300, ""), of(10, 300, ""), of(20, 300, "")), of(30, 300, ""), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := plan.Class{Class: test.past[len(test.past)-1].Class}
			before.Past = test.past
			p := plan.Compare("prog1", before, test.is, now)
			held := ""
			for _, h := range p.Held {
				held += h.Effect()
			}
			if held != test.held {
				t.Errorf("held: %q, want %q", held, test.held)
			}
			if p.Counted == nil || !p.Counted.Since.Equal(test.past[0].At) {
				t.Errorf("counted: %+v", p.Counted)
			}
		})
	}
	// A confirmation starts the count anew.
	past := versions(of(0, 300, ""), of(0, 200, ""))
	before := plan.Class{Class: past[1].Class}
	before.Past = past
	var word string
	if _, err := fmt.Sscanf(plan.Compare("prog1", before, of(0, 199, ""), now).Held[0].Confirm, "spec.guard.confirm: %q", &word); err != nil {
		t.Fatal(err)
	}
	before = of(0, 199, word)
	before.Past = versions(plan.Class{Class: past[0].Class}, plan.Class{Class: past[1].Class}, before)
	if p := plan.Compare("prog1", before, of(0, 180, word), now); p.Unconfirmed() || p.Counted.Of != 199 || p.Counted.Before != 0 {
		t.Errorf("held: %+v, counted: %+v", p.Held, p.Counted)
	}
}

// TestVolumeOfAClass checks that an edit of a Template does not take a volume away from
// the class without a confirmation.
func TestVolumeOfAClass(t *testing.T) {
	after := prog1()
	after.Templates[0].Spec.Volumes = after.Templates[0].Spec.Volumes[1:]
	p := plan.Compare("prog1", prog1(), after, now)
	if len(p.Held) != 1 || p.Held[0].Effect() != "would take volume home from 5 of 7 carrels of Template ide" {
		t.Fatalf("held: %+v", p.Held)
	}
	if _, err := fmt.Sscanf(p.Held[0].Confirm, "spec.guard.confirm: %q", &after.Course.Spec.Guard.Confirm); err != nil {
		t.Fatal(err)
	}
	if p := plan.Compare("prog1", prog1(), after, now); p.Unconfirmed() {
		t.Errorf("it is confirmed, and held: %+v", p.Held)
	}
}

// TestFormsDoNotMatter checks that moving a student from a file to a row, or
// between rosters, has no effect.
func TestFormsDoNotMatter(t *testing.T) {
	before, after := prog1(), prog1()
	before.Userlands = append(before.Userlands, file("u9", ""))
	after.Rosters = append(after.Rosters, roster.File{Name: "late.csv", Data: []byte("user\nu9\n")})
	if p := plan.Compare("prog1", before, after, now); p.Changes() {
		t.Errorf("it says %+v", p)
	}
}

// TestNeedsOfTheNamespace checks that containers without requests get the defaults
// of the namespace.
func TestNeedsOfTheNamespace(t *testing.T) {
	c := prog1()
	for i := range c.Templates {
		c.Templates[i].Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		c.Templates[i].Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "init", Resources: corev1.ResourceRequirements{Requests: list("cpu", "1")}}}
	}
	c.Limits = []corev1.LimitRange{{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
		Type: corev1.LimitTypeContainer, DefaultRequest: list("cpu", "50m", "memory", "64Mi"), Default: list("memory", "128Mi"),
	}}}}}
	got := map[string]string{}
	for _, row := range plan.Compare("prog1", c, c, now).Need.Rows {
		got[row.Resource] = row.After
	}
	want := map[string]string{
		"pods": "5", "requests.cpu": "5", "requests.memory": "320Mi", "limits.memory": "640Mi", "requests.storage": "21Gi", "persistentvolumeclaims": "14",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("needs (-want +got):\n%s", diff)
	}
}

// TestNaming checks that the comment leaves out students who move with the Course's
// Template, because the diff does not name them.
func TestNaming(t *testing.T) {
	after := prog1()
	after.Course.Spec.TemplateName = "database"
	whole := plan.Compare("prog1", prog1(), after, now)
	named := whole.Naming(func(user string) bool { return user == "u2" })
	var out bytes.Buffer
	if err := plan.WriteMarkdown(&out, []plan.Plan{named}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"5 moved", "- u2 (Suzuki)", "- 4 students not named in the change"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the comment does not say %q:\n%s", want, &out)
		}
	}
	for _, secret := range []string{"u1", "Sato", "Tanaka", "u6"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("the comment names %q:\n%s", secret, &out)
		}
	}
	if !named.Changes() || len(whole.Moved) != 5 {
		t.Error("naming changed what there is to name")
	}
}

// TestReturns checks what is said of the work of students who come back.
func TestReturns(t *testing.T) {
	day := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	before, after := prog1(), prog1()
	web := template("web", "web:1")
	web.Spec.Volumes = web.Spec.Volumes[:1]
	before.Templates, after.Templates = append(before.Templates, web), append(after.Templates, web)
	after.Rosters = append(after.Rosters, roster.File{Name: "late.csv", Data: []byte("user,template\n" +
		"b1,\nb2,\nB3,\nb4,\nb5,web\nb6,\nb6,web\nb7,\n")})
	before.Left = []plan.Departure{
		{User: "b2", Template: "ide", At: day(40)}, {User: "b5", Template: "ide", At: day(20)}, {User: "b1", Template: "ide", At: day(12)},
		{User: "b6", Template: "web", At: day(11)}, {User: "b1", Template: "ide", At: day(10)}, {User: "b3", Template: "database", At: day(3)},
	}
	var got []string
	for _, back := range plan.Compare("prog1", before, after, now).Returns {
		one := back.User + " left " + back.Left.Format(time.DateOnly)
		for _, v := range back.Volumes {
			one += ", has " + v.Name
		}
		for _, v := range back.Gone {
			one += ", lost " + v.Name
		}
		got = append(got, one)
	}
	want := []string{
		"B3 left 2026-10-02, has home, has archive",
		"b1 left 2026-09-25, has home, has archive",
		"b2 left 2026-08-26, has archive, lost home",
		"b5 left 2026-09-15, has home",
		"b6 left 2026-09-24, has home",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("students who come back (-want +got):\n%s", diff)
	}
	var out bytes.Buffer
	if err := plan.WriteText(&out, []plan.Plan{plan.Compare("prog1", before, after, now)}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"kept work of b1 (home, kept until 2026-10-25; archive, kept for ever) is attached again, if it was not deleted; left on 2026-09-25",
		"kept work of b2 (archive, kept for ever) is attached again, if it was not deleted; work of b2 (home, kept until 2026-09-25) is probably gone",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, &out)
		}
	}
}
