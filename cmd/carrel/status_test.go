package main

import (
	"bytes"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestStatusAndOpen(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	meta := metav1.ObjectMeta{Namespace: namespace, Name: namespace}
	course := &v1alpha1.Course{ObjectMeta: meta, Spec: v1alpha1.CourseSpec{TemplateName: "ide"}}
	if err := c.Create(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	course.Status.Userlands = &v1alpha1.UserlandCounts{Total: 2, Ready: 1, States: map[string]int32{"Running": 1, "Failing": 1}}
	if err := c.Status().Update(t.Context(), course); err != nil {
		t.Fatal(err)
	}
	userland := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "yuki"}, Spec: v1alpha1.UserlandSpec{User: "yuki@example.ac.jp"}}
	if err := c.Create(t.Context(), userland); err != nil {
		t.Fatal(err)
	}
	userland.Status = v1alpha1.UserlandStatus{User: "yuki@example.ac.jp", State: "Failing", Conditions: []metav1.Condition{{
		Type: "Ready", Status: metav1.ConditionFalse, Reason: "ImageNotFound", Message: "there is no image ide:9", LastTransitionTime: metav1.Now(),
	}}}
	if err := c.Status().Update(t.Context(), userland); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := writeStatus(t.Context(), c, []string{namespace}, &out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"1 of 2  [##########..........]  1 Failing, 1 Running", "yuki@example.ac.jp  yuki    Failing  there is no image ide:9"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("status lacks %q:\n%s", part, out.String())
		}
	}
	out.Reset()
	if err := writeAddresses(t.Context(), c, "yuki@example.ac.jp", namespace, gateway{"https", "carrels.example.edu"}, &out); err != nil {
		t.Fatal(err)
	}
	if want := "https://yuki--" + namespace + ".carrels.example.edu/\n"; out.String() != want {
		t.Errorf("the address is %q, want %q", out.String(), want)
	}
	if err := writeAddresses(t.Context(), c, "nobody", "", gateway{}, &out); err == nil {
		t.Error("nobody has an address")
	}
}

// TestUrgent checks that what waits for a person comes first, by kind, and that nothing
// is written if nothing does.
func TestUrgent(t *testing.T) {
	course := func(name string, conditions ...metav1.Condition) v1alpha1.Course {
		return v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1alpha1.CourseStatus{Conditions: conditions}}
	}
	condition := func(kind string, status metav1.ConditionStatus, message string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Message: message}
	}
	var out bytes.Buffer
	writeUrgent(&out, []v1alpha1.Course{
		course("algo", condition(v1alpha1.RosterValidCondition, metav1.ConditionTrue, "40 rows"), condition(v1alpha1.IsolatedCondition, metav1.ConditionTrue, "reached none"), condition(v1alpha1.OutOfSyncCondition, metav1.ConditionTrue, "Flux stands still")),
		course("db", condition(v1alpha1.RolloutHeldCondition, metav1.ConditionTrue, "the trial failed"), condition(v1alpha1.HeldCondition, metav1.ConditionTrue, "would remove 9 of 10"),
			condition(v1alpha1.IsolatedCondition, metav1.ConditionFalse, "a pod of the course reached the API server")),
		course("prog1", condition(v1alpha1.RosterValidCondition, metav1.ConditionFalse, "line 4: no user")),
		course("prog2", condition(v1alpha1.RosterValidCondition, metav1.ConditionFalse, "line 9: no user")),
	})
	want := "Courses whose carrels are not apart\n  db: a pod of the course reached the API server\nRosters with errors\n  prog1: line 4: no user\n  prog2: line 9: no user\nRemovals that are held\n  db: would remove 9 of 10\n" +
		"Roll-outs that are held\n  db: the trial failed\nCourses that Flux does not bring up to date\n  algo: Flux stands still\n\n"
	if out.String() != want {
		t.Errorf("it writes\n%swant\n%s", out.String(), want)
	}
	out.Reset()
	if writeUrgent(&out, []v1alpha1.Course{course("algo")}); out.Len() > 0 {
		t.Errorf("nothing waits, and it writes %q", out.String())
	}
}

func TestGatewayAddress(t *testing.T) {
	for address, want := range map[string]gateway{
		"carrels.example.edu": {"https", "carrels.example.edu"}, "https://carrels.example.edu:8443/": {"https", "carrels.example.edu:8443"},
		"http://localhost:8080": {"http", "localhost:8080"}, "": {}, "https://x.example/courses": {}, "ftp://x.example": {},
	} {
		got, err := gatewayAt(address)
		if got != want || (err == nil) != (want != gateway{}) {
			t.Errorf("%q is %v, %v, want %v", address, got, err, want)
		}
	}
	t.Setenv(gatewayVariable, "")
	if _, err := carrel(t, "open", "kai"); err == nil || !strings.Contains(err.Error(), gatewayVariable) {
		t.Errorf("without an address: %v", err)
	}
}
