package volume_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/volume"
)

// fact changes a claim.
type fact func(*corev1.PersistentVolumeClaim)

// home returns a claim of a home, which may hold work unless a fact says otherwise.
func home(name string, facts ...fact) corev1.PersistentVolumeClaim {
	c := corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Namespace: "prog1", Name: name, Labels: map[string]string{},
		Annotations: map[string]string{v1alpha1.UserAnnotation: "hana", v1alpha1.VolumeAnnotation: "home", v1alpha1.AttachedAnnotation: "20261001T090000Z"},
	}}
	for _, f := range facts {
		f(&c)
	}
	return c
}

func annotated(name, value string) fact {
	return func(c *corev1.PersistentVolumeClaim) { c.Annotations[name] = value }
}

func labelled(name, value string) fact {
	return func(c *corev1.PersistentVolumeClaim) { c.Labels[name] = value }
}

func of(userland string) fact   { return labelled(v1alpha1.UserlandLabel, userland) }
func user(login string) fact    { return annotated(v1alpha1.UserAnnotation, login) }
func used(template string) fact { return annotated(v1alpha1.ClaimTemplateAnnotation, template) }
func resetAt(at string) fact    { return annotated(v1alpha1.ResetAnnotation, at) }
func restoredAt(at string) fact { return annotated(v1alpha1.RestoredAnnotation, at) }
func empty() fact               { return annotated(v1alpha1.AttachedAnnotation, v1alpha1.NeverAttached) }
func created(minute int) fact {
	return func(c *corev1.PersistentVolumeClaim) {
		c.CreationTimestamp = metav1.NewTime(time.Date(2026, 10, 1, 9, minute, 0, 0, time.UTC))
	}
}

// carrel returns a carrel of hana with a home, which mounts the claim named, if any.
func carrel(name, template, mounts string) volume.Carrel {
	c := volume.Carrel{
		Userland: &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name}, Spec: v1alpha1.UserlandSpec{User: "hana"}},
		Template: template, Volumes: []string{"home"}, Mounted: map[string]string{},
	}
	if mounts != "" {
		c.Mounted["home"] = mounts
	}
	return c
}

// capital spells the login of a carrel as Hana.
func capital(c volume.Carrel) volume.Carrel {
	c.Userland.Spec.User = "Hana"
	return c
}

const (
	day1 = "20261001T090000Z"
	day2 = "20261002T090000Z"
	day3 = "20261003T090000Z"
)

// The cases are those of the table in docs/decisions/0016-whose-a-volume-is.md, then
// those in which the order of its rules makes the difference.
func TestAssign(t *testing.T) {
	type claims = []corev1.PersistentVolumeClaim
	const fresh, open = "fresh", "undecided"
	for _, test := range []struct {
		name    string
		carrels []volume.Carrel
		claims  claims
		// want is, by carrel, the claim, fresh or undecided.
		want map[string]string
		// unneeded are the claims that no place needs.
		unneeded []string
	}{
		{"nothing is there", []volume.Carrel{carrel("a", "ide", "")}, nil, map[string]string{"a": fresh}, nil},
		{"same user and carrel", []volume.Carrel{carrel("a", "ide", "")}, claims{home("x", of("a"), used("ide"))}, map[string]string{"a": "x"}, nil},
		{"same user, another name", []volume.Carrel{carrel("b", "ide", "")}, claims{home("x", of("a"), used("ide"))}, map[string]string{"b": "x"}, nil},
		{"another carrel has the claim", []volume.Carrel{carrel("a", "ide", "x"), carrel("b", "ide", "")}, claims{home("x", of("a"), used("ide"))},
			map[string]string{"a": "x", "b": fresh}, nil},
		{"a mounted claim without its label", []volume.Carrel{carrel("a", "ide", "x")}, claims{home("x"), home("y", of("a"))}, map[string]string{"a": "x"}, []string{"y"}},
		{"another carrel mounts the claim, whatever its label", []volume.Carrel{carrel("a", "ide", "x"), carrel("b", "ide", "")}, claims{home("x", of("b"), used("ide"))},
			map[string]string{"a": "x", "b": fresh}, nil},
		{"two come back under other names", []volume.Carrel{carrel("c", "ide", ""), carrel("d", "db", "")},
			claims{home("x", of("a"), used("ide")), home("y", of("b"), used("db"))}, map[string]string{"c": "x", "d": "y"}, nil},
		{"two of one Template, one comes back under another name", []volume.Carrel{carrel("c", "ide", "")},
			claims{home("x", of("a"), used("ide")), home("y", of("b"), used("ide"))}, map[string]string{"c": open}, nil},
		{"two of one Template, both come back under other names", []volume.Carrel{carrel("c", "ide", ""), carrel("d", "ide", "")},
			claims{home("x", of("a"), used("ide")), home("y", of("b"), used("ide"))}, map[string]string{"c": open, "d": open}, nil},
		{"one claim and two come that could have it", []volume.Carrel{carrel("c", "ide", ""), carrel("d", "ide", "")},
			claims{home("x", of("a"), used("ide"))}, map[string]string{"c": open, "d": open}, nil},
		{"moved to another Template", []volume.Carrel{carrel("a", "db", "x")}, claims{home("x", of("a"), used("ide"))}, map[string]string{"a": "x"}, nil},
		{"dropped, and one of another Template is added", []volume.Carrel{carrel("b", "db", "")}, claims{home("x", of("a"), used("ide"))}, map[string]string{"b": "x"}, nil},
		{"one of another Template started meanwhile", []volume.Carrel{carrel("b", "db", "y")},
			claims{home("x", of("a"), used("ide")), home("y", of("b"), used("db"))}, map[string]string{"b": "y"}, []string{"x"}},
		{"after a reset", []volume.Carrel{carrel("a", "ide", "x")}, claims{home("x", of("a")), home("y", of("a"), empty(), resetAt(day1))}, map[string]string{"a": "y"}, nil},
		{"after a reset, under another name", []volume.Carrel{carrel("b", "ide", "")}, claims{home("x", of("a")), home("y", of("a"), resetAt(day1))}, map[string]string{"b": "y"}, []string{"x"}},
		{"back to before a reset", []volume.Carrel{carrel("a", "ide", "y")}, claims{home("x", of("a"), restoredAt(day2)), home("y", of("a"), resetAt(day1))}, map[string]string{"a": "x"}, nil},
		{"a reset after a restore", []volume.Carrel{carrel("a", "ide", "y")}, claims{home("x", of("a"), restoredAt(day2)), home("y", of("a"), resetAt(day3))}, map[string]string{"a": "y"}, []string{"x"}},
		{"a restore, claims first", []volume.Carrel{carrel("a", "ide", "")}, claims{home("x")}, map[string]string{"a": "x"}, nil},
		{"a restore, carrels first", []volume.Carrel{carrel("a", "ide", "y")}, claims{home("x", created(2)), home("y", of("a"), empty(), created(1))}, map[string]string{"a": "x"}, nil},
		{"a restore, and the student worked", []volume.Carrel{carrel("a", "ide", "y")}, claims{home("x", restoredAt(day1)), home("y", of("a"))}, map[string]string{"a": "x"}, nil},
		{"a restore of which nobody says that it counts", []volume.Carrel{carrel("a", "ide", "y")}, claims{home("x"), home("y", of("a"))}, map[string]string{"a": "y"}, []string{"x"}},
		{"a login corrected in case", []volume.Carrel{carrel("b", "ide", "")}, claims{home("x", user("Hana"), of("a"))}, map[string]string{"b": "x"}, nil},
		{"both spellings are there, and one has nothing", []volume.Carrel{carrel("a", "ide", ""), capital(carrel("b", "ide", ""))},
			claims{home("x", of("a"))}, map[string]string{"a": "x", "b": open}, nil},
		{"both spellings are there, and a person decided", []volume.Carrel{carrel("a", "ide", ""), capital(carrel("b", "ide", ""))},
			claims{home("x", of("a"), restoredAt(day1))}, map[string]string{"a": "x", "b": fresh}, nil},
		{"both spellings have their own", []volume.Carrel{carrel("a", "ide", ""), capital(carrel("b", "ide", ""))},
			claims{home("x", of("c")), home("y", of("c"), user("Hana"))}, map[string]string{"a": "x", "b": "y"}, nil},
		{"a reset of another carrel does not change one in use", []volume.Carrel{carrel("b", "ide", "y")},
			claims{home("x", of("a"), resetAt(day1)), home("y", of("b"))}, map[string]string{"b": "y"}, []string{"x"}},
		{"what is being deleted is given to nobody new", []volume.Carrel{carrel("b", "ide", "")},
			claims{home("x", of("a"), func(c *corev1.PersistentVolumeClaim) { c.DeletionTimestamp = &metav1.Time{} })}, map[string]string{"b": fresh}, nil},
		{"the oldest of what is empty", []volume.Carrel{carrel("b", "ide", "")},
			claims{home("x", empty(), created(2)), home("y", empty(), created(1))}, map[string]string{"b": "y"}, nil},
		{"what is empty is not worth a question", []volume.Carrel{carrel("c", "ide", ""), carrel("d", "ide", "")},
			claims{home("x", empty(), used("ide"))}, map[string]string{"c": "x", "d": fresh}, nil},
		{"an act that can't be read is none", []volume.Carrel{carrel("b", "ide", "y")}, claims{home("x", of("b"), restoredAt("now")), home("y", of("b"))}, map[string]string{"b": "y"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := volume.Assign(test.carrels, test.claims, nil)
			got := map[string]string{}
			for at, claim := range a.Given {
				got[at.Userland] = fresh
				if claim != nil {
					got[at.Userland] = claim.Name
				}
			}
			for at := range a.Undecided {
				got[at.Userland] = open
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the carrels are given (-want +got):\n%s", diff)
			}
			var unneeded []string
			for _, claim := range a.Unneeded {
				unneeded = append(unneeded, claim.Name)
			}
			if test.unneeded != nil && !slices.Equal(unneeded, test.unneeded) {
				t.Errorf("%q are not needed, want %q", unneeded, test.unneeded)
			}
			if len(a.Undecided) > 0 && len(a.Unneeded) > 0 {
				t.Errorf("%q are not needed while it is not decided whose they are", unneeded)
			}
		})
	}
}

// Each of them names the claims and a command that decides.
func TestUndecidedNamesTheCommand(t *testing.T) {
	for _, test := range []struct {
		name    string
		carrels []volume.Carrel
		claims  []corev1.PersistentVolumeClaim
		want    []string
	}{
		{"two claims", []volume.Carrel{carrel("c", "ide", "")}, []corev1.PersistentVolumeClaim{home("x"), home("y")}, []string{`"x" and "y"`, "-n prog1", v1alpha1.RestoredAnnotation}},
		{"two carrels", []volume.Carrel{carrel("c", "ide", ""), carrel("d", "ide", "")}, []corev1.PersistentVolumeClaim{home("x")}, []string{`"c" or "d"`, "label pvc -n prog1 x carrel.dev/userland="}},
		{"two spellings", []volume.Carrel{carrel("c", "ide", ""), capital(carrel("d", "ide", ""))}, []corev1.PersistentVolumeClaim{home("x")}, []string{`"Hana"`, `"hana"`, `"x"`, v1alpha1.RestoredAnnotation}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, undecided := range volume.Assign(test.carrels, test.claims, nil).Undecided {
				for _, words := range test.want {
					if !strings.Contains(undecided.Error(), words) {
						t.Errorf("it says %q, want %q in it", undecided, words)
					}
				}
				return
			}
			t.Error("it is decided")
		})
	}
}

// A wrong login in a file is more likely than a name that is used again, so no promise
// starts on the claim. What was promised before stands.
func TestClaimsUnderAnotherPersonsName(t *testing.T) {
	taro := v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "a"}, Spec: v1alpha1.UserlandSpec{User: "taro"}}
	claims := []corev1.PersistentVolumeClaim{home("x", of("a")), home("y", of("a"), labelled(v1alpha1.KeepUntilLabel, day1)), home("z", of("b"))}
	a := volume.Assign(nil, claims, []v1alpha1.Userland{taro})
	names := map[string][]string{}
	for what, found := range map[string][]*corev1.PersistentVolumeClaim{"open": a.Open, "unneeded": a.Unneeded} {
		for _, claim := range found {
			names[what] = append(names[what], claim.Name)
		}
	}
	if want := map[string][]string{"open": {"x"}, "unneeded": {"y", "z"}}; !maps.EqualFunc(names, want, slices.Equal) {
		t.Errorf("the claims are %v, want %v", names, want)
	}
}
