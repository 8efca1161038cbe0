package kinds

import (
	"fmt"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

// timetable returns the spec of a Course with sessions.
func timetable(first, last string, sessions ...string) string {
	return fmt.Sprintf("  timetable: {timeZone: Asia/Tokyo, term: {firstDay: %q, lastDay: %q}, sessions: [%s]}", first, last, strings.Join(sessions, ", "))
}

// lab returns a session with further fields.
func lab(more string) string {
	return "{weekdays: [Monday], start: '09:00', duration: 90m" + more + "}"
}

// list returns n items, which item makes of their numbers.
func list(n int, item func(i int) string) string {
	items := make([]string, n)
	for i := range items {
		items[i] = item(i)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// date returns a day of its own for each number.
func date(i int) string { return fmt.Sprintf("'2%03d-01-01'", i) }

// Of everything that a teacher can write, as much as the limit is accepted, and one
// more is refused with the field and the limit. docs/limits.md lists the limits.
func TestLimits(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	number := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
	text := func(n int) string { return strings.Repeat("x", n) }
	session := func(field string) string { return timetable("2027-04-12", "2027-07-29", lab(", "+field)) }
	for _, test := range []struct {
		field, kind string
		limit       int
		// spec returns a spec in which the field is so long, or has so many items.
		spec func(n int) string
		// words of the refusal, beside the field; empty: the limit.
		words string
	}{
		{field: "spec.title", kind: "Course", limit: 200, spec: func(n int) string { return "  title: " + text(n) }},
		{field: "spec.templateName", kind: "Course", limit: 63, spec: func(n int) string { return "  templateName: " + text(n) }},
		{field: "spec.notice", kind: "Course", limit: 1000, spec: func(n int) string { return "  notice: " + text(n) }},
		{field: "spec.rosters", kind: "Course", limit: 32, spec: func(n int) string { return "  rosters: " + list(n, number("{configMap: r%d}")) }},
		{field: "spec.rosters[0].configMap", kind: "Course", limit: 253, spec: func(n int) string { return "  rosters: [{configMap: " + text(n) + "}]" }},
		{field: "spec.guard.confirm", kind: "Course", limit: 64, spec: func(n int) string { return "  guard: {confirm: " + text(n) + "}" }},
		{field: "spec.enrolmentRules", kind: "Course", limit: 16, spec: func(n int) string { return "  enrolmentRules: " + list(n, number("{claim: c%d, values: [a]}")) }},
		{field: "spec.enrolmentRules[0].claim", kind: "Course", limit: 100, spec: func(n int) string { return "  enrolmentRules: [{claim: " + text(n) + ", values: [a]}]" }},
		{field: "spec.enrolmentRules[0].provider", kind: "Course", limit: 63, spec: func(n int) string { return "  enrolmentRules: [{provider: " + text(n) + ", claim: a, values: [a]}]" }},
		{field: "spec.enrolmentRules[0].values", kind: "Course", limit: 100, spec: func(n int) string { return "  enrolmentRules: [{claim: a, values: " + list(n, number("v%d")) + "}]" }},
		{field: "spec.enrolmentRules[0].values[0]", kind: "Course", limit: 200, spec: func(n int) string { return "  enrolmentRules: [{claim: a, values: [" + text(n) + "]}]" }},
		{field: "spec.timetable.timeZone", kind: "Course", limit: 64, spec: func(n int) string {
			return "  timetable: {timeZone: " + text(n) + ", term: {firstDay: '2027-04-12', lastDay: '2027-07-29'}}"
		}},
		{field: "spec.timetable.term.lastDay", kind: "Course", limit: 2029, words: "a term is at most two years long", spec: func(n int) string {
			return timetable("2027-04-12", fmt.Sprintf("%d-04-12", n))
		}},
		{field: "spec.timetable.sessions", kind: "Course", limit: 100, spec: func(n int) string {
			return timetable("2027-04-12", "2027-07-29", strings.Trim(list(n, func(int) string { return lab("") }), "[]"))
		}},
		{field: "spec.timetable.sessions[0].name", kind: "Course", limit: 63, spec: func(n int) string { return session("name: " + text(n)) }},
		{field: "spec.timetable.sessions[0].sections", kind: "Course", limit: 100, spec: func(n int) string { return session("sections: " + list(n, number("s%d"))) }},
		{field: "spec.timetable.sessions[0].sections[0]", kind: "Course", limit: 63, spec: func(n int) string { return session("sections: [" + text(n) + "]") }},
		{field: "spec.timetable.sessions[0].except", kind: "Course", limit: 200, spec: func(n int) string { return session("except: " + list(n, date)) }},
		{field: "spec.timetable.sessions[0].extra", kind: "Course", limit: 200, spec: func(n int) string {
			return session("extra: " + list(n, func(i int) string { return "{date: " + date(i) + "}" }))
		}},
		{field: "spec.timetable.sessions[0].duration", kind: "Course", limit: 24, words: "at most 24h", spec: func(n int) string {
			return timetable("2027-04-12", "2027-07-29", fmt.Sprintf("{weekdays: [Monday], start: '09:00', duration: %dh}", n))
		}},
		{field: "spec.timetable.sessions[0].extra[0].duration", kind: "Course", limit: 24, words: "at most 24h", spec: func(n int) string {
			return session(fmt.Sprintf("extra: [{date: '2027-05-01', duration: %dh}]", n))
		}},
		{field: "spec.timetable.sessions[0].prewarm", kind: "Course", limit: 12, words: "at most 12h", spec: func(n int) string { return session(fmt.Sprintf("prewarm: %dh", n)) }},

		{field: "spec.user", kind: "Userland", limit: 256, spec: func(n int) string { return "  user: " + text(n) }},
		{field: "spec.templateName", kind: "Userland", limit: 63, spec: func(n int) string { return "  templateName: " + text(n) }},
		{field: "spec.team", kind: "Userland", limit: 63, spec: func(n int) string { return "  team: " + text(n) }},
		{field: "spec.section", kind: "Userland", limit: 63, spec: func(n int) string { return "  section: " + text(n) }},

		{field: "spec.service.ports", kind: "Template", limit: 16, spec: func(n int) string {
			return strings.Replace(pod, "[{name: http, port: 8080}]", list(n, number("{name: p%[1]d, port: 80%02[1]d}")), 1)
		}},
		{field: "spec.service.ports[0].name", kind: "Template", limit: 15, spec: func(n int) string { return strings.Replace(pod, "name: http", "name: "+text(n), 1) }},
		{field: "spec.service.name", kind: "Template", limit: 80, spec: func(n int) string { return named(text(n-len("$(CARREL_USERLAND)")) + "$(CARREL_USERLAND)") }},
		{field: "spec.volumes", kind: "Template", limit: 16, spec: func(n int) string { return pod + "  volumes: " + list(n, number("{name: v%d, pvcSpec: {}}")) }},
		{field: "spec.volumes[0].name", kind: "Template", limit: 40, spec: func(n int) string { return pod + "  volumes: [{name: " + text(n) + ", pvcSpec: {}}]" }},
		{field: "spec.idle.probe.path", kind: "Template", limit: 1024, spec: func(n int) string { return pod + "  idle: {after: 1h, probe: {path: /" + text(n-1) + "}}" }},
		{field: "spec.idle.probe.port", kind: "Template", limit: 15, spec: func(n int) string { return pod + "  idle: {after: 1h, probe: {path: /, port: " + text(n) + "}}" }},
		{field: "spec.idle.after", kind: "Template", limit: 32, spec: func(n int) string { return pod + "  idle: {after: " + strings.Repeat("0", n-2) + "1h}" }},
	} {
		t.Run(test.kind+" "+test.field, func(t *testing.T) {
			u := object(t, test.kind, "limit", test.spec(test.limit))
			u.SetNamespace(namespace)
			if err := c.Create(t.Context(), u, strict, client.DryRunAll); err != nil {
				t.Fatalf("%d are refused, and should be accepted: %v", test.limit, err)
			}
			u = object(t, test.kind, "limit", test.spec(test.limit+1))
			u.SetNamespace(namespace)
			err := c.Create(t.Context(), u, strict, client.DryRunAll)
			if !apierrors.IsInvalid(err) {
				t.Fatalf("%d give %v, want it to be refused as invalid", test.limit+1, err)
			}
			words := test.words
			if words == "" {
				words = fmt.Sprint(test.limit)
			}
			for _, want := range []string{test.field, words} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the refusal does not say %q: %v", want, err)
				}
			}
		})
	}
}

// A Course that was stored before there were limits can be edited, and its status be
// written, as long as what is over a limit does not change.
func TestStoredOverLimits(t *testing.T) {
	c := apiserver.Client(t, apiextensionsv1.AddToScheme)
	namespace := apiserver.Namespace(t, c)
	course := object(t, "Course", namespace, timetable("2026-10-01", "9999-12-31", lab(""))+"\n  rosters: "+
		list(40, func(i int) string { return fmt.Sprintf("{configMap: r%d}", i) }))
	course.SetNamespace(namespace)

	withLimits := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(t.Context(), types.NamespacedName{Name: "courses.carrel.dev"}, withLimits); err != nil {
		t.Fatal(err)
	}
	without := withLimits.DeepCopy()
	spec := without.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	rosters, times := spec.Properties["rosters"], spec.Properties["timetable"]
	term := times.Properties["term"]
	rosters.MaxItems, term.XValidations = nil, nil
	spec.Properties["rosters"], times.Properties["term"] = rosters, term
	if err := c.Update(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	eventually(t, "accepted without limits", func() bool { return c.Create(t.Context(), course.DeepCopy()) == nil })
	without.Spec = withLimits.Spec
	if err := c.Update(t.Context(), without); err != nil {
		t.Fatal(err)
	}
	other := course.DeepCopy()
	other.SetName("other")
	eventually(t, "refused with limits", func() bool { return apierrors.IsInvalid(c.Create(t.Context(), other.DeepCopy(), client.DryRunAll)) })

	stored := &v1alpha1.Course{}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(course), stored); err != nil {
		t.Fatal(err)
	}
	stored.Spec.Title = "Programming 1"
	if err := c.Update(t.Context(), stored); err != nil {
		t.Errorf("an edit of another field: %v", err)
	}
	status := applyv1alpha1.Course(namespace, namespace).WithStatus(applyv1alpha1.CourseStatus().WithObservedGeneration(2))
	if err := c.Status().Apply(t.Context(), status, client.FieldOwner("test"), client.ForceOwnership); err != nil {
		t.Errorf("the status, as the controller writes it: %v", err)
	}
	course.SetManagedFields(nil)
	if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(course), client.FieldOwner("flux"), client.ForceOwnership); err != nil {
		t.Errorf("the same files, as Flux applies them: %v", err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(course), stored); err != nil {
		t.Fatal(err)
	}
	stored.Spec.Timetable.Term.LastDay = "2927-07-29"
	if err := c.Update(t.Context(), stored, &client.UpdateOptions{DryRun: []string{metav1.DryRunAll}}); !apierrors.IsInvalid(err) {
		t.Errorf("another term that is too long gives %v, want it refused", err)
	}
}

// eventually waits until the API server has taken up a changed CRD.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 600 {
		if done() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it is never %s", what)
}
