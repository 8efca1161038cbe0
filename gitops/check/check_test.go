package check_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/tree"
)

var update = flag.Bool("update", false, "write the golden files")

// Paths of files in testdata/campus.
const (
	rosters   = "courses/prog1/roster/"
	course    = rosters + "course.yaml"
	rows      = rosters + "roster.csv"
	kai       = rosters + "students/kai.yaml"
	template  = "courses/prog1/templates/ide.yaml"
	namespace = "clusters/lab/courses/prog1/namespace.yaml"
	sync      = "clusters/lab/courses/prog1/sync.yaml"
)

// edit replaces the text was in a file by is. An empty was stands for the whole
// file.
type edit struct{ file, was, is string }

const network = "clusters/lab/courses/prog1/network.yaml"

// openPolicy opens the internet to the carrels of a course but for V4 and V6.
const openPolicy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: to-internet
spec:
  podSelector: {}
  egress:
    - to:
        - ipBlock:
            cidr: 0.0.0.0/0
            except: V4
        - ipBlock:
            cidr: ::/0
            except: V6
`

// oneServer opens one address to the carrels of a course.
const oneServer = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: to-library
spec:
  podSelector: {}
  egress:
    - to:
        - ipBlock: {cidr: 10.1.2.3/32}
`

// networkListed adds the policy to the course of the cluster.
var networkListed = edit{"clusters/lab/courses/prog1/kustomization.yaml", "resources:", "resources:\n  - network.yaml"}

func openNetwork(v4, v6 string) edit {
	return edit{network, "", strings.NewReplacer("V4", v4, "V6", v6).Replace(openPolicy)}
}

// repository returns testdata/campus with edits applied.
func repository(t *testing.T, edits ...edit) *tree.Tree {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/campus")); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		file := filepath.Join(dir, e.file)
		is := e.is
		if e.was != "" {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(data), e.was) {
				t.Fatalf("%s has no %q", e.file, e.was)
			}
			is = strings.ReplaceAll(string(data), e.was, e.is)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(is), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tree.Directory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// run returns the findings of a check of the whole tree, or of a path.
func run(t *testing.T, now, before *tree.Tree, below ...string) ([]check.Finding, error) {
	t.Helper()
	result, err := check.Run(t.Context(), now, before, strings.Join(below, ""))
	return result.Findings, err
}

func findingLines(found []check.Finding) (all []string) {
	for _, f := range found {
		all = append(all, fmt.Sprintf("%s:%d %s %s: %s", f.File, f.Line, f.Severity, f.Rule, f.Message))
	}
	return all
}

// TestRules checks that each rule reports its mistake at the right line in git, and
// that no other rule reports anything.
func TestRules(t *testing.T) {
	const another = "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: kai-2\nspec:\n  user: kai@example.ac.jp\n"
	for _, test := range []struct {
		name  string
		edits []edit
		// want holds the beginnings of the expected findings.
		want []string
	}{
		{name: "nothing is wrong"},
		{"a file that is not there", []edit{{rosters + "kustomization.yaml", "students/kai.yaml", "students/kei.yaml"}},
			[]string{rosters + "kustomization.yaml:5 error build: students/kei.yaml is not there"}},
		{"a copy of a file", []edit{{rosters + "students/kai-2.yaml", "", strings.ReplaceAll(another, "kai-2", "kai")}, {rosters + "kustomization.yaml", "students/kai.yaml", "students/kai.yaml\n  - students/kai-2.yaml"}},
			[]string{kai + ":1 error build: two files describe the Userland kai: this one and " + rosters + "students/kai-2.yaml"}},
		{"a tab", []edit{{kai, "  user:", "\tuser:"}}, []string{kai + ":6 error build: a tab stands where YAML wants blanks"}},
		{"marks of a merge conflict", []edit{{kai, "spec:", "<<<<<<< HEAD\nspec:"}}, []string{kai + ":5 error build: git left a mark of a merge conflict here"}},
		{"marks in the kustomization", []edit{{rosters + "kustomization.yaml", "resources:", ">>>>>>> a\nresources:"}}, []string{rosters + "kustomization.yaml:3 error build: git left a mark"}},
		{"a key twice", []edit{{kai, "  user:", "  user: rin\n  user:"}}, []string{kai + ":7 error build: user stands here twice, the first time in line 6"}},
		{"what macOS leaves", []edit{{rosters + "students/._kai.yaml", "", "\x00\x05\x16\x07"}, {rosters + "kustomization.yaml", "students/kai.yaml", "students/kai.yaml\n  - students/._kai.yaml"}},
			[]string{rosters + "students/._kai.yaml:0 error build: it is no text; a file whose name begins with ._ is what macOS leaves"}},
		{"a name without quotes", []edit{{kai, "name: kai", "name: 26000001"}}, []string{kai + ":4 error schema: the name 26000001 is a number or a date to YAML"}},
		{"a source that is not there", []edit{{sync, "name: campus,", "name: camps,"}},
			[]string{sync + ":9 error source: there is no GitRepository flux-system/camps, so", sync + ":21 error source: there is no GitRepository", "courses/prog1/roster:0 warning reached: no cluster applies this course"}},
		{"a course of no cluster", []edit{{"courses/prog9/roster/course.yaml", "", ""}}, []string{"courses/prog9/roster:0 warning reached: no cluster applies this course, so it was not looked at"}},
		{"two rosters that are too large together", []edit{{rows, "", "user,name,template,section\n" + padded("a", 4000)}, {rosters + "late.csv", "", "user,name,template,section\n" + padded("b", 4000)},
			{rosters + "kustomization.yaml", "[roster.csv]", "[roster.csv, late.csv]"}, {namespace, `"10"`, `"10000"`}, {namespace, "2Gi", "9000Gi"}},
			[]string{rosters + "kustomization.yaml:0 error schema: its files have "}},
		{"a roster that is too large", []edit{{rows, "", "user,name,template,section\n" + padded("a", 8000)}}, []string{rows + ":0 error roster: "}},
		{"a directory that the GitRepository leaves out", []edit{{".sourceignore", "", "/courses/\n"}},
			[]string{"courses/prog1/roster:0 error build: kustomization prog1/roster: spec.path ./courses/prog1/roster is no directory", "courses/prog1/templates:0 error build: kustomization prog1/templates: spec.path"}},
		{"a file that the GitRepository leaves out", []edit{{".sourceignore", "", "kai.yaml\n"}}, []string{rosters + "kustomization.yaml:5 error build: courses/prog1/roster/students/kai.yaml is not in the archive"}},
		{"nothing else of a refused roster", []edit{{rows, "26t0005,Ueda Sora,,a", "26t0005,Ueda Sora,db,a\n26t0005,,db,a"}, {course, "sections: [a]", "sections: [a, z]"}}, []string{rows + ":7 error roster: the same user and template as line 6"}},
		{"a dependency that is not there", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  dependsOn: [{name: templates}, {name: teachers}]\n"}},
			[]string{sync + ":19 error depends-on: there is no Kustomization prog1/teachers"}},
		{"dependencies in a circle", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  dependsOn: [{name: templates}]\n"},
			{sync, "  path: ./courses/prog1/templates\n", "  path: ./courses/prog1/templates\n  dependsOn: [{name: roster, namespace: prog1}]\n"}},
			[]string{sync + ":8 error depends-on: the Kustomization prog1/roster depends on this one", sync + ":20 error depends-on: the Kustomization prog1/templates depends on this one"}},
		{"variables of the cluster", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: term}]}\n"}, {course, "title: Programming 1", "title: Programming ${TERM}"}},
			[]string{sync + ":19 warning variables: the ConfigMap prog1/term, which has variables, is not in git"}},
		{"a default of a variable that only the cluster has", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: term}]}\n"}, {course, "templateName: ide", "templateName: ${TEMPLATE:=ide}"}},
			[]string{sync + ":19 warning variables: the ConfigMap prog1/term"}},
		{"variables in git, one of them wrong", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  postBuild: {substituteFrom: [{kind: ConfigMap, name: term}]}\n"}, {course, "timeZone: Asia/Tokyo", "timeZone: ${ZONE}"},
			{namespace, "apiVersion: v1\nkind: Namespace", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: term\ndata: {ZONE: Asia/Tokio}\n---\napiVersion: v1\nkind: Namespace"}},
			[]string{course + ":11 error timetable: spec.timetable.timeZone: there is no time zone"}},
		{"a variable that is not closed", []edit{{sync, "  path: ./courses/prog1/roster\n", "  path: ./courses/prog1/roster\n  postBuild: {substitute: {TERM: autumn}}\n"}, {course, "title: Programming 1", "title: Programming ${TERM"}},
			[]string{course + ":6 error build: a variable begins with ${ here and is not closed"}},
		{"an unknown field", []edit{{kai, "user:", "usr:"}}, []string{kai + `:6 error schema: unknown field "spec.usr"`}},
		{"a class that never idles", []edit{{"courses/prog1/templates/ide.yaml", "  idle: {after: 30m}\n", ""}}, []string{course + ":10 warning never-idle: the class has a timetable, and no carrel ever idles: Template ide"}},
		{"a rule of the kind", []edit{{course, "duration: 90m", "duration: 0s"}}, []string{course + ":17 error schema: spec.timetable.sessions[0].duration: "}},
		{"a wrong type", []edit{{kai, "user: kai@example.ac.jp", "user: 12"}}, []string{kai + ":6 error schema: spec.user: "}},
		{"a core kind's unknown field", []edit{{namespace, "hard:", "hrd:"}}, []string{namespace + `:14 error schema: unknown field "spec.hrd"`}},
		{"a core kind's wrong type", []edit{{namespace, "labels:", "labels: [a]\n  annotations:"}}, []string{namespace + ":5 error pod-security: ", namespace + ":5 error schema: json: cannot unmarshal array"}},
		{"a Role in no namespace", []edit{{"clusters/lab/courses/staff.yaml", "", "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata:\n  name: staff\n"}, {"clusters/lab/courses/kustomization.yaml", "resources:", "resources:\n  - staff.yaml"}},
			[]string{"clusters/lab/courses/staff.yaml:4 error namespace: the Role staff is in no namespace"}},
		{"a Course of another name", []edit{{course, "name: prog1", "name: prog2"}}, []string{course + ":4 error course-name: the Course prog2 is in the namespace prog1"}},
		{"a row too many", []edit{{rows, "26t0005,", "26t0001,"}}, []string{rows + ":6 error roster: the same user and template as line 2"}},
		{"a row that breaks off", []edit{{rows, "Ito Ren", `"Ito Ren`}}, []string{rows + ":4 error roster: a quoted cell begins here"}},
		{"a row for one who has a file", []edit{{rows, "26t0001,", "kai@example.ac.jp,"}}, []string{rows + ":2 warning roster: a file of its own has the same user"}},
		{"a roster that is not there", []edit{{course, "configMap: roster", "configMap: rosta"}}, []string{course + ":9 error roster-missing: there is no ConfigMap \"rosta\""}},
		{"a ConfigMap that is none", []edit{{rosters + "kustomization.yaml", "carrel.dev/roster", "roster"}}, []string{course + ":9 error roster-missing: the ConfigMap \"roster-"}},
		{"a row of no Template", []edit{{rows, "Ito Ren,,", "Ito Ren,db,"}}, []string{rows + `:4 error template-missing: there is no Template "db"`}},
		{"a file of no Template", []edit{{kai, "spec:", "spec:\n  templateName: db"}}, []string{kai + `:6 error template-missing: there is no Template "db"`}},
		{"a Course of no Template", []edit{{course, "templateName: ide", "templateName: db"}}, []string{course + `:7 error template-missing: there is no Template "db"`}},
		{"two files for one", []edit{{rosters + "students/kai-2.yaml", "", another}, {rosters + "kustomization.yaml", "students/kai.yaml", "students/kai.yaml\n  - students/kai-2.yaml"}},
			[]string{rosters + "students/kai-2.yaml:6 error twice: the same user and template as the Userland kai in " + kai}},
		{"a name that is too long for a kind", []edit{{kai, "name: kai", "name: " + strings.Repeat("k", 51)}}, []string{kai + ":4 error schema: Invalid value: metadata.name must be at most 50"}},
		{"a host name that is too long", longCourse(), []string{kai + ":4 error host-name: the carrel's host name "}},
		{"an image without a tag", []edit{{template, "ide:1.2", "ide"}}, []string{template + ":10 warning image: the image registry.example/ide has no tag"}},
		{"the latest image", []edit{{template, "ide:1.2", "ide:latest"}}, []string{template + ":10 warning image: "}},
		{"an image of a registry with a port", []edit{{template, "registry.example/ide:1.2", "registry.example:5000/ide"}}, []string{template + ":10 warning image: "}},
		{"an image by its digest", []edit{{template, "ide:1.2", "ide@sha256:" + strings.Repeat("0", 64)}}, nil},
		{"too small a quota", []edit{{namespace, `pods: "10"`, `pods: "4"`}}, []string{namespace + ":15 error quota: in its fullest session, Mon 5 Oct 2026 10:30 Lab (a), the class needs 5 of pods, and the quota is 4"}},
		{"a Template on the roster", []edit{{rosters + "kustomization.yaml", "students/kai.yaml", "students/kai.yaml\n  - db.yaml"},
			{rosters + "db.yaml", "", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"}},
			[]string{rosters + "db.yaml:2 error account: the account prog1/roster, which applies this file, may not create secrets"}},
		{"no Pod Security", []edit{{namespace, "    pod-security.kubernetes.io/enforce: restricted\n", ""}}, []string{namespace + ":5 error pod-security: "}},
		{"no Pod Security to speak of", []edit{{namespace, "enforce: restricted", "enforce: privileged"}}, []string{namespace + ":7 error pod-security: "}},
		{"no such time zone", []edit{{course, "Asia/Tokyo", "Asia/Tokio"}}, []string{course + ":11 error timetable: spec.timetable.timeZone: there is no time zone"}},
		{"a day without quotes", []edit{{course, `firstDay: "2026-10-01"`, `firstDay: 2026-10-01`}}, []string{course + ":12 error schema: spec.timetable.term.firstDay: "}},
		{"a term without an end", []edit{{course, `lastDay: "2027-02-05"`, `lastDay: "9999-12-31"`}},
			[]string{course + ":12 error schema: spec.timetable.term.lastDay: Invalid value: a term is at most two years long: write the last day of this term, or leave lastDay out if the course has no end (9999-12-31 does not mean that)"}},
		{"a term that is said to have no end", []edit{{course, `, lastDay: "2027-02-05"`, ""}}, nil},
		{"a term of two years", []edit{{course, `lastDay: "2027-02-05"`, `lastDay: "2028-10-01"`}}, nil},
		{"a Template that Carrel refuses", []edit{{template, "          ports:", "          env: [{name: CARREL_USER, value: me}]\n          ports:"}}, []string{template + ":13 error template: spec.template.spec.containers[0].env[0].name"}},
		{"a Template with another's volume", []edit{{template, "    spec:\n", "    spec:\n      volumes: [{name: w, persistentVolumeClaim: {claimName: kai--home}}]\n"}},
			[]string{template + `:8 error template-reach: spec.template.spec.volumes[0].persistentVolumeClaim.claimName: Invalid value: "kai--home": which may be a student's work`}},
		{"a volume that the cluster allows", []edit{{template, "    spec:\n", "    spec:\n      volumes: [{name: w, persistentVolumeClaim: {claimName: material}}]\n"},
			{namespace, "  labels:", "  annotations: {carrel.dev/allow-claims: \"books, material\"}\n  labels:"}}, nil},
		{"a Template on a node of its choice", []edit{{template, "    spec:\n", "    spec:\n      nodeName: control-plane-1\n"}},
			[]string{template + ":8 error template-reach: spec.template.spec.nodeName"}},
		{"a cluster that closes nothing", []edit{openNetwork("[CLOSED]", "[CLOSED]"), networkListed},
			[]string{network + `:11 error closed-addresses: the cluster does not say which addresses carrels must not reach: "CLOSED" is no range`}},
		{"a cluster that forgot some addresses", []edit{openNetwork("[0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.0.0.0/8, 192.0.0.0/8, 198.18.0.0/15, 224.0.0.0/3]", "[fc00::/8, fe80::/10, ff00::/8]"), networkListed},
			[]string{network + ":11 error closed-addresses: carrels can reach 168.63.129.16/32, which has", network + ":14 error closed-addresses: carrels can reach 64:ff9b::/96, fc00::/7, which has"}},
		{"a cluster that closes what it must", []edit{openNetwork("[0.0.0.0/1, 168.63.129.16/32, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/8, 198.18.0.0/15, 224.0.0.0/3]", "[\"::/1\", \"8000::/1\"]"), networkListed}, nil},
		{"a course that opens one server", []edit{{network, "", oneServer}, networkListed}, nil},
		{"a Template of a whole book", []edit{{template, "image:", "args: [" + strings.Repeat("words, ", 10_000) + "]\n          image:"}}, []string{template + ":5 error template: spec: Invalid value: \"80405 bytes\": a Template is at most 65536 bytes long, because each carrel has a copy of it: move files"}},
		{"no such day", []edit{{course, `["2026-12-28"]`, `["2026-11-31"]`}}, []string{course + ":19 error timetable: "}},
		{"a session that never is", []edit{{course, `firstDay: "2026-10-01", lastDay: "2027-02-05"`, `firstDay: "2026-10-06", lastDay: "2026-10-09"`}}, []string{course + `:14 error timetable: the session "Lab" never takes place`}},
		{"a day off that was off", []edit{{course, "2026-12-28", "2026-12-29"}}, []string{course + `:19 warning timetable: the session "Lab" would not take place on 2026-12-29 anyway`}},
		{"a section of nobody", []edit{{course, "sections: [a]", "sections: [a, z]"}}, []string{course + `:18 warning timetable: the session "Lab" is for section "z"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := run(t, repository(t, test.edits...), nil)
			if err != nil {
				t.Fatal(err)
			}
			got := findingLines(found)
			for i, finding := range got {
				if i < len(test.want) && strings.HasPrefix(finding, test.want[i]) {
					got[i] = test.want[i]
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("found (-want +got):\n%s", diff)
			}
		})
	}
}

// padded returns rows that are 170 bytes long.
func padded(prefix string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%05d,%s,,a\n", prefix, i, strings.Repeat("x", 160))
	}
	return b.String()
}

func TestCureOfADay(t *testing.T) {
	found, err := run(t, repository(t, edit{course, `firstDay: "2026-10-01"`, `firstDay: 2026-10-01`}), nil)
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Cure, "quotes") {
		t.Errorf("found %+v, %v, want one to be put in quotes", found, err)
	}
}

// longCourse returns edits that add a course with a long name and a student with a
// long name.
func longCourse() []edit {
	const dir = "clusters/lab/courses/prog1/"
	long := "prog-" + strings.Repeat("1", 30)
	return []edit{
		{dir + "kustomization.yaml", "namespace: prog1", "namespace: " + long}, {namespace, "name: prog1", "name: " + long},
		{dir + "accounts.yaml", "namespace: prog1", "namespace: " + long}, {dir + "sync.yaml", "targetNamespace: prog1", "targetNamespace: " + long},
		{course, "name: prog1", "name: " + long}, {kai, "name: kai", "name: " + strings.Repeat("k", 30)},
	}
}

func TestGuard(t *testing.T) {
	before := repository(t)
	drop := edit{rows, "26t0001,Sato Yuki,,a\n26t0002,Mori Hana,,a\n26t0003,Ito Ren,,a\n26t0004,Abe Mei,,a\n", ""}
	found, err := run(t, repository(t, drop), before)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].Rule != "guard" || found[0].File != course || !strings.Contains(found[0].Cure, "spec.guard.confirm") {
		t.Fatalf("found %q", findingLines(found))
	}
	if found, err = run(t, before, before); err != nil || len(found) > 0 {
		t.Errorf("nothing changes, and found %q, %v", findingLines(found), err)
	}
}

// TestGuardOfTheWhole checks that neither a Course with students in it, nor a volume of
// all of them, is removed by the way.
func TestGuardOfTheWhole(t *testing.T) {
	for name, test := range map[string]struct {
		change edit
		want   string
	}{
		"the Course": {edit{rosters + "kustomization.yaml", "  - course.yaml\n", ""}, "would remove the course with its 6 students"},
		"a volume":   {edit{template, "- name: home\n", "- name: work\n"}, "would take volume home from 6 of 6 carrels of Template ide"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := run(t, repository(t, test.change), repository(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Rule == "guard" && strings.Contains(f.Message, test.want) && f.Cure != "" {
					return
				}
			}
			t.Errorf("found %q, want %q", findingLines(found), test.want)
		})
	}
}

func TestFormats(t *testing.T) {
	found, err := run(t, repository(t,
		edit{rows, "26t0005,", "26t0001,"}, edit{template, "ide:1.2", "ide"}), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range check.Formats() {
		for name, findings := range map[string][]check.Finding{format: found, format + "-clean": nil} {
			var out bytes.Buffer
			if err := check.Write(&out, format, check.Result{Findings: findings, Looked: check.Looked{Clusters: 2, Courses: 1, Students: 6}}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
		}
	}
	var out bytes.Buffer
	if err := check.List(&out); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules", out.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestOwnCourses checks the courses of this repository.
func TestOwnCourses(t *testing.T) {
	own, err := tree.Directory("../..")
	if err != nil {
		t.Fatal(err)
	}
	found, err := run(t, own, nil)
	if err != nil || len(found) > 0 {
		t.Errorf("found %q, %v", findingLines(found), err)
	}
}

// TestBelow compares the findings below a path with the findings of a full check
// that lie there.
func TestBelow(t *testing.T) {
	mistakes := []edit{
		{rows, "26t0005,", "26t0001,"}, {template, "ide:1.2", "ide"}, {kai, "user:", "usr:"}, {course, "Asia/Tokyo", "Asia/Tokio"},
		{namespace, `pods: "10"`, `pods: "2"`}, {namespace, "    pod-security.kubernetes.io/enforce: restricted\n", ""},
		{rosters + "kustomization.yaml", "students/kai.yaml", "students/kai.yaml\n  - db.yaml"}, {rosters + "db.yaml", "", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n"},
	}
	all, err := run(t, repository(t, mistakes...), repository(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, least := range map[string]int{
		"courses": 4, "courses/prog1/": 4, "courses/prog1/roster": 3, rows: 1, kai: 1, template: 1, namespace: 1, "clusters": 1, "clusters/lab/flux-system": 0,
		"./courses//prog1/templates/../roster": 3,
	} {
		var want []string
		for _, f := range all {
			if clean := filepath.Clean(path); f.File == clean || strings.HasPrefix(f.File, clean+"/") {
				want = append(want, findingLines([]check.Finding{f})...)
			}
		}
		found, err := run(t, repository(t, mistakes...), repository(t), path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, findingLines(found)); diff != "" || len(want) < least {
			t.Errorf("below %s (-of all +alone), at least %d:\n%s", path, least, diff)
		}
	}
}

// TestLooked checks that a check says what it looked at, and that it never passes for
// a path at which it looked not at all.
func TestLooked(t *testing.T) {
	for _, below := range []string{"", "courses/prog1", rows, namespace} {
		result, err := check.Run(t.Context(), repository(t), nil, below)
		if got := result.Looked.String(); err != nil || got != "1 cluster, 1 course, 6 students" {
			t.Errorf("of %q it looked at %s, %v", below, got, err)
		}
	}
	for _, below := range []string{"courses/prog9", "courses/pro", "README.md"} {
		result, err := check.Run(t.Context(), repository(t, edit{"courses/prog9/roster/course.yaml", "", "x: y"}, edit{"README.md", "", "x"}), nil, below)
		if err == nil || !strings.Contains(err.Error(), "nothing was looked at") {
			t.Errorf("below %s: %v, %v", below, result, err)
		}
	}
}

// TestBelowWhatCannotBeBuilt checks that a build failure is reported for each path
// whose check it prevents, and for no other path.
func TestBelowWhatCannotBeBuilt(t *testing.T) {
	missing := []edit{{rosters + "kustomization.yaml", "students/kai.yaml", "students/kei.yaml"}}
	base := []edit{{rosters + "kustomization.yaml", "course.yaml", "course.yaml\n  - ../../base/staff"}, {"courses/base/staff/kustomization.yaml", "", "resources: ["}, {"courses/base/staff/ann.yaml", "", ""}}
	for _, test := range []struct {
		path   string
		broken []edit
		want   int
	}{
		{"", missing, 1}, {".", missing, 1}, {"courses/prog1", missing, 1}, {rosters, missing, 1}, {rows, missing, 1}, {kai, missing, 1},
		{"./" + rows, missing, 1}, {"courses/prog1//roster", missing, 1}, {"courses/prog1/templates/../roster", missing, 1},
		{template, missing, 0}, {"courses/prog1/templates", missing, 0}, {namespace, missing, 0},
		{rows, base, 1}, {"courses/base/staff/ann.yaml", base, 1}, {"courses/base", base, 1}, {template, base, 0},
	} {
		found, err := run(t, repository(t, test.broken...), nil, test.path)
		if err != nil {
			t.Fatal(err)
		}
		var builds []check.Finding
		for _, f := range found {
			if f.Rule == "build" {
				builds = append(builds, f)
			}
		}
		if len(builds) != test.want {
			t.Errorf("below %q: got %q, want %d build failures", test.path, findingLines(builds), test.want)
		}
	}
}
