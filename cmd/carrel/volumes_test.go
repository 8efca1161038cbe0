package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// today is noon in Tokyo.
var today = time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)

// abandoned makes a course with volumes that no carrel uses, and returns its name.
func abandoned(t *testing.T, c client.Client) string {
	t.Helper()
	name := apiserver.Namespace(t, c)
	create := func(o client.Object) {
		t.Helper()
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	in := func(object string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: name, Name: object} }
	course := &v1alpha1.Course{ObjectMeta: in(name), Spec: v1alpha1.CourseSpec{
		TemplateName: "ide", Timetable: &v1alpha1.Timetable{TimeZone: "Asia/Tokyo", Term: v1alpha1.Term{FirstDay: "2026-10-01", LastDay: "2027-01-31"}, Sessions: []v1alpha1.Session{{
			Name: "Lab", Weekdays: []v1alpha1.Weekday{"Monday"}, Start: "13:00", Duration: metav1.Duration{Duration: time.Hour},
		}}},
	}}
	create(course)
	next := metav1.NewTime(today.Add(5*24*time.Hour + time.Hour))
	course.Status.Userlands = &v1alpha1.UserlandCounts{Total: 1, Ready: 0, States: map[string]int32{"Failing": 1}}
	course.Status.Volumes = &v1alpha1.VolumeStatus{Kept: 7, Expiring: 2, Undecided: 1, Next: &next}
	if err := c.Status().Update(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	for _, volume := range []struct{ claim, user, name, until string }{
		{"21t0042--home", "21T0042", "home", "20261205T040000Z"},
		{"21t0043--db", "21T0043", "db", "20261230T030000Z"},
		{"21t0043--home", "21T0043", "home", "20261230T030000Z"},
		{"21t0044--home", "21T0044", "home", "20261129T030000Z"},
		{"yuki--home--old", "Yuki", "home", "20261201T030000Z"},
		{"21t0045--home", "21T0045", "home", v1alpha1.KeepForever},
		{"yuki--home", "yuki", "home", ""}, // in use
	} {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: in(volume.claim), Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}},
		}}
		claim.Annotations = map[string]string{v1alpha1.UserAnnotation: volume.user, v1alpha1.VolumeAnnotation: volume.name, v1alpha1.RetainAnnotation: "30d"}
		if volume.until != "" {
			claim.Labels = map[string]string{v1alpha1.KeepUntilLabel: volume.until}
		}
		create(claim)
	}
	neverUsed := &corev1.PersistentVolumeClaim{ObjectMeta: in("21t0046--home"), Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, VolumeName: "pv-of-21t0046",
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}},
	}}
	neverUsed.Labels = map[string]string{v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue}
	neverUsed.Annotations = map[string]string{v1alpha1.UserAnnotation: "21T0046", v1alpha1.VolumeAnnotation: "home", v1alpha1.AttachedAnnotation: v1alpha1.NeverAttached}
	create(neverUsed)
	yuki := &v1alpha1.Userland{ObjectMeta: in("yuki")}
	create(yuki)
	yuki.Status = v1alpha1.UserlandStatus{State: "Failing", Conditions: []metav1.Condition{{
		Type: "Ready", Status: "False", Reason: v1alpha1.VolumeUndecidedReason, Message: `volume "home": mark the right one`, LastTransitionTime: metav1.Now(),
	}}}
	if err := c.Status().Update(t.Context(), yuki); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestVolumesAreListed(t *testing.T) {
	c := apiserver.Client(t)
	name := abandoned(t, c)
	var out bytes.Buffer
	if err := writeVolumes(t.Context(), c, []string{name}, today, &out); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`COURSE  USER     VOLUME  SIZE  CLAIM            UNUSED SINCE          KEPT UNTIL            NEXT
COURSE  21T0044  home    2Gi   21t0044--home    2026-10-30 12:00 JST  2026-11-29 12:00 JST  deleted a day after its announcement
COURSE  Yuki     home    2Gi   yuki--home--old  2026-11-01 12:00 JST  2026-12-01 12:00 JST  kept while its user is in the course
COURSE  21T0042  home    2Gi   21t0042--home    2026-11-05 13:00 JST  2026-12-05 13:00 JST  deleted in 5 days
COURSE  21T0043  db      2Gi   21t0043--db      2026-11-30 12:00 JST  2026-12-30 12:00 JST  deleted in 30 days
COURSE  21T0043  home    2Gi   21t0043--home    2026-11-30 12:00 JST  2026-12-30 12:00 JST  deleted in 30 days
COURSE  21T0045  home    2Gi   21t0045--home    -                     for ever              nothing
COURSE  21T0046  home    2Gi   21t0046--home    never used            for ever              nothing; if it may go: carrel volumes let-go COURSE 21t0046--home

undecided: yuki (carrel yuki of COURSE)
    volume "home": mark the right one
`, "COURSE ", name+" ")
	want = strings.ReplaceAll(strings.Replace(want, name+"  USER", "COURSE  USER", 1), "of COURSE)", "of "+name+")")
	squeeze := func(text string) string {
		lines := strings.Split(text, "\n")
		for i := range lines {
			lines[i] = strings.Join(strings.Fields(lines[i]), " ")
		}
		return strings.Join(lines, "\n")
	}
	if diff := cmp.Diff(squeeze(want), squeeze(out.String())); diff != "" {
		t.Errorf("it lists (-want +got):\n%s", diff)
	}
	out.Reset()
	if err := writeStatus(t.Context(), c, []string{name}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "1 Failing  2 expiring from 2026-12-05, 1 undecided, 5 kept\n"; !strings.Contains(out.String(), want) {
		t.Errorf("carrel status lacks %q:\n%s", want, out.String())
	}
}

func TestVolumesAreKeptAndLetGo(t *testing.T) {
	c := apiserver.Client(t)
	name := abandoned(t, c)
	keep := func(which, until string) func(*bytes.Buffer) error {
		return func(out *bytes.Buffer) error { return keepVolume(t.Context(), c, name, which, until, today, out) }
	}
	letGo := func(which string) func(*bytes.Buffer) error {
		return func(out *bytes.Buffer) error { return letVolumeGo(t.Context(), c, name, which, today, out) }
	}
	for _, test := range []struct {
		name string
		do   func(*bytes.Buffer) error
		// claim and until are what is asked for then. Empty means that it is refused.
		claim, until string
		says         []string
	}{
		{"a user, to a day", keep("21T0042", "2027-03-31"), "21t0042--home", "20270331T145959Z", []string{
			"21t0042--home (home of 21T0042, 2Gi) is kept until 2027-03-31 23:59 JST, instead of until 2026-12-05 13:00 JST", "in a moment: see carrel volumes " + name}},
		{"the same claim, for ever", keep("21t0042--home", "forever"), "21t0042--home", "Forever", []string{"is kept for ever"}},
		{"a login in other capitals", keep("21t0042", "forever"), "21t0042--home", "Forever", nil},
		{"let go", letGo("21T0045"), "21t0045--home", "20261130T030000Z", []string{
			"is deleted on 2026-12-01 12:00 JST or later", "takes it back: carrel volumes keep " + name + " 21t0045--home --until=forever"}},
		{"let go of what was never used", letGo("21T0046"), "21t0046--home", "20261130T030000Z", []string{"21t0046--home (home of 21T0046, 2Gi) is deleted on 2026-12-01 12:00 JST or later"}},
		{"let go of somebody who is here", letGo("yuki--home--old"), "yuki--home--old", "20261130T030000Z", []string{"a day after its user has left the course"}},
		{"several volumes", keep("21t0043", "forever"), "", "", []string{"has 2 volumes", "21t0043--db (db, 2Gi, kept until 2026-12-30 12:00 JST)", "21t0043--home (home"}},
		{"nobody", keep("21t0049", "forever"), "", "", []string{`nobody called "21t0049"`, "did you mean 21T0042 or 21T0043 or 21T0044?"}},
		{"nobody near", letGo("hanako"), "", "", []string{`nobody called "hanako"`, "carrel volumes " + name + " lists"}},
		{"a claim in use", letGo("yuki--home"), "", "", []string{"nobody called", "did you mean yuki--home--old?"}},
		{"a day that is over", keep("21T0042", "2026-11-29"), "", "", []string{"is over", "let-go"}},
		{"no day", keep("21T0042", "spring"), "", "", []string{"write it as 2027-03-31, or forever"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			err := test.do(&out)
			said := out.String()
			if err != nil {
				said += err.Error()
			}
			if (err == nil) != (test.claim != "") {
				t.Errorf("error %v", err)
			}
			for _, part := range test.says {
				if !strings.Contains(said, part) {
					t.Errorf("it lacks %q:\n%s", part, said)
				}
			}
			course := &v1alpha1.Course{}
			if err := c.Get(t.Context(), client.ObjectKey{Namespace: name, Name: name}, course); err != nil {
				t.Fatal(err)
			}
			if test.claim == "" {
				return
			}
			asked := course.Status.Requests.Volumes
			if last := asked[len(asked)-1]; last.Claim != test.claim || last.KeepUntil != test.until {
				t.Errorf("asked %+v, want %s for %s", last, test.until, test.claim)
			}
		})
	}
}

// Whoever may read the course but not write requests is told who may.
func TestVolumesOfOthers(t *testing.T) {
	c := apiserver.Client(t)
	name := abandoned(t, c)
	for _, o := range []client.Object{
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "reader"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{"carrel.dev"}, Resources: []string{"courses", "userlands"}, Verbs: []string{"get", "list"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "reader"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"}, Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "reader"}, {APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "auditor"},
		}},
		&rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "auditor"}, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"persistentvolumeclaims"}, Verbs: []string{"list"}},
		}},
		&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "auditor"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "auditor"}, Subjects: []rbacv1.Subject{
			{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: "auditor"},
		}},
	} {
		if err := c.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	for user, want := range map[string]string{"reader": "carrel-staff, bound in the course, allows it", "auditor": "takes the verb request on courses, which the ClusterRole carrel-staff has"} {
		config := apiserver.Config()
		config.Impersonate.UserName = user
		as, err := client.New(config, client.Options{Scheme: c.Scheme()})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		// A new role takes a moment to become effective.
		err = keepVolume(t.Context(), as, name, "21T0042", "forever", today, &out)
		for deadline := time.Now().Add(time.Minute); (err == nil || !strings.Contains(err.Error(), want)) && time.Now().Before(deadline); {
			time.Sleep(100 * time.Millisecond)
			err = keepVolume(t.Context(), as, name, "21T0042", "forever", today, &out)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is told %v, want %q", user, err, want)
		}
	}
}
