package course_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/classroom"
)

// rosterFile is a ConfigMap as kustomize makes it of files.
func rosterFile(name, text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.RosterLabel: "true"}},
		Data:       map[string]string{"roster.csv": text},
	}
}

// enrolling is the Course of the namespace with rosters.
func enrolling(w *classroom.Classroom, configMaps ...string) *v1alpha1.Course {
	c := w.Course()
	c.Spec.TemplateName = "ide"
	for _, name := range configMaps {
		c.Spec.Rosters = append(c.Spec.Rosters, v1alpha1.RosterSource{ConfigMap: name})
	}
	return c
}

// users is a roster of so many students.
func users(n int) string {
	var b strings.Builder
	b.WriteString("user\n")
	for i := range n {
		fmt.Fprintf(&b, "s%03d\n", i)
	}
	return b.String()
}

// rewrite puts another text into the roster "class".
func rewrite(w *classroom.Classroom, text string) {
	w.Helper()
	classroom.Change(w, "class", func(c *corev1.ConfigMap) { c.Data, c.BinaryData = map[string]string{"roster.csv": text}, nil })
}

// tells waits until a condition of the Course has a reason and words.
func tells(w *classroom.Classroom, kind string, status metav1.ConditionStatus, reason, words string) *v1alpha1.Course {
	w.Helper()
	c := &v1alpha1.Course{}
	w.Until(func() error {
		if err := w.Get(w.Context(), w.Key(w.Namespace), c); err != nil {
			return err
		}
		found := meta.FindStatusCondition(c.Status.Conditions, kind)
		if found == nil || found.Status != status || found.Reason != reason || !strings.Contains(found.Message, words) || c.Status.ObservedGeneration != c.Generation {
			return fmt.Errorf("%s is %+v, want %s, %s and the words %q; the roster: %+v", kind, found, status, reason, words, c.Status.Roster)
		}
		return nil
	})
	classroom.CheckConditions(w.T, c)
	return c
}

// enrolled waits until there are so many Userlands.
func enrolled(w *classroom.Classroom, want int) {
	w.Helper()
	list := &v1alpha1.UserlandList{}
	w.Until(func() error {
		if err := w.List(w.Context(), list, client.InNamespace(w.Namespace)); err != nil {
			return err
		}
		if len(list.Items) != want {
			return fmt.Errorf("there are %d Userlands, want %d", len(list.Items), want)
		}
		return nil
	})
}

func TestRowsBecomeCarrels(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), rosterFile("class", "user,name,section,enabled\r\nhanako,森 花,a,\r\nTaro@example.jp,,b,FALSE\r\n"), enrolling(w, "class"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	c := tells(w, v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "2 of 2 ready")
	if c.Status.Roster == nil || c.Status.Roster.Rows != 2 || c.Status.Roster.Digest == "" {
		t.Errorf("the status of the roster is %+v", c.Status.Roster)
	}
	hanako := classroom.Get[v1alpha1.Userland](w, "hanako")
	if !metav1.IsControlledBy(hanako, c) || hanako.Spec.Section != "a" || hanako.Annotations[v1alpha1.NameAnnotation] != "森 花" {
		t.Errorf("her Userland is not as her row says: %+v", hanako)
	}
	w.Settled()
	before := len(w.Requests.Writes())
	rewrite(w, "user,name,section,enabled\nhanako,,,\nTaro@example.jp,,b,FALSE\nnew,,,\n")
	w.Reaches("new", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "hanako"); u.Spec.Section != "" || u.Annotations[v1alpha1.NameAnnotation] != "" {
			return fmt.Errorf("what the row no longer says is still there: %+v", u)
		}
		return nil
	})
	w.Settled()
	for _, write := range w.Requests.Writes()[before:] {
		if strings.Contains(write, "taro") {
			t.Errorf("his row is the same, and the controllers ask %s", write)
		}
	}
	w.Stop()
	w.Start()
	w.Settled()
	if writes := w.Requests.Writes(); len(writes) > 0 {
		t.Errorf("started again with nothing to do, the controllers write: %v", writes)
	}
}

func TestABadRosterChangesNothing(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.IDE(), rosterFile("class", users(3)), enrolling(w, "class"))
	enrolled(w, 3)
	rewrite(w, "user,enabled\nnew,\ns000,maybe\n,\n ,yes\n")
	c := tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason,
		"roster.csv line 3, column 2 (enabled): neither true nor false: write true or false, or leave the cell empty for true (and 1 more); until then nothing changes")
	tells(w, v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.RosterInvalidReason, "line 3")
	if c.Status.Roster.ErrorCount != 2 || c.Status.Roster.Errors[1].Line != 5 {
		t.Errorf("the errors in the status are %+v", c.Status.Roster)
	}
	w.Settled()
	enrolled(w, 3)

	classroom.Change(w, "class", func(c *corev1.ConfigMap) {
		c.Data, c.BinaryData = nil, map[string][]byte{"roster.csv": []byte("user,name\ns000,\x8d\xb2\x93\xa1\n")}
	})
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason, "Shift_JIS")
	if err := w.Delete(w.Context(), rosterFileIn(w, "class")); err != nil {
		t.Fatal(err)
	}
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterNotFoundReason, "ConfigMap class: there is none of this name")
	w.Settled()
	enrolled(w, 3)
	w.Make(rosterFile("class", users(4)))
	enrolled(w, 4)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "4 rows")
}

func rosterFileIn(w *classroom.Classroom, name string) *corev1.ConfigMap {
	c := rosterFile(name, "")
	c.Namespace = w.Namespace
	return c
}

func TestAMassRemovalIsHeldUntilConfirmed(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.IDE(), rosterFile("class", users(12)), enrolling(w, "class"))
	enrolled(w, 12)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "12 rows")
	rewrite(w, users(9))
	enrolled(w, 9)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "9 rows")

	rewrite(w, "user\ns000\ns001\nnew\n")
	c := tells(w, v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, `held: would remove 7 of 12, which makes 10 within 7 days; to confirm, set spec.guard.confirm: "`)
	tells(w, v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "held")
	enrolled(w, 10)
	confirm := c.Status.Roster.Held.Confirm
	w.Settled()
	// The word for one change is none for another.
	rewrite(w, "user\ns000\nnew\n")
	tells(w, v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 8 of 12, which makes 11 within 7 days")
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Guard.Confirm = confirm })
	tells(w, v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 8 of 12, which makes 11 within 7 days")
	w.Settled()
	enrolled(w, 10)
	rewrite(w, "user\ns000\ns001\nnew\n")
	enrolled(w, 3)
	c = tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "3 rows")
	if meta.FindStatusCondition(c.Status.Conditions, v1alpha1.HeldCondition) != nil || c.Status.Roster.Held != nil {
		t.Errorf("nothing is held any more, and it says so: %+v", c.Status)
	}
	// Nobody at all, by an empty roster or by none.
	rewrite(w, "user\n")
	tells(w, v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 3 of 3")
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Rosters = nil })
	tells(w, v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 3 of 3")
	w.Settled()
	enrolled(w, 3)
}

func TestFilesComeBeforeRowsAndMoveOver(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	file := classroom.Student("her-file")
	file.Spec.User, file.Spec.TemplateName = "hanako", ""
	w.Make(classroom.IDE(), enrolling(w), file)
	w.Reaches("her-file", v1alpha1.StateRunning, v1alpha1.RunningReason)
	pod := classroom.Get[v1alpha1.Userland](w, "her-file").Status.LastStartTime
	w.Make(rosterFile("class", "user,section\ntaro,\nhanako,a\n"))
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Rosters = []v1alpha1.RosterSource{{ConfigMap: "class"}} })
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows, 1 of them left to files of their own; 1 warnings, the first: roster.csv line 3: a file of its own")
	enrolled(w, 2)

	// First commit: the mark. The row differs, so the file still wins.
	classroom.Change(w, "her-file", func(u *v1alpha1.Userland) {
		u.Annotations = map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"}
	})
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "the two differ in more than the name")
	rewrite(w, "user,section\ntaro,\nhanako,\n")
	c := tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows")
	w.Until(func() error {
		if !metav1.IsControlledBy(classroom.Get[v1alpha1.Userland](w, "her-file"), c) {
			return fmt.Errorf("the Course does not take her over")
		}
		return nil
	})
	rewrite(w, "user,section\ntaro,\nhanako,b\n")
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "her-file"); u.Spec.Section != "b" {
			return fmt.Errorf("the row does not reach her: %+v", u.Spec)
		}
		return nil
	})
	w.Settled()
	if u := w.Reaches("her-file", v1alpha1.StateRunning, v1alpha1.RunningReason); !u.Status.LastStartTime.Equal(pod) {
		t.Error("her carrel was started anew")
	}
	enrolled(w, 2)
	rewrite(w, "user\ntaro\n")
	enrolled(w, 1)
	claims := &corev1.PersistentVolumeClaimList{}
	if err := w.List(w.Context(), claims, client.InNamespace(w.Namespace)); err != nil || len(claims.Items) != 2 {
		t.Errorf("%d volumes are left, want both (%v)", len(claims.Items), err)
	}
}

func TestOneUserSeveralTemplates(t *testing.T) {
	w := classroom.New(t)
	db := classroom.IDE()
	db.Name = "db"
	w.Make(classroom.IDE(), db, rosterFile("class", "user,template\nhanako,\nhanako,db\n"), enrolling(w, "class"))
	enrolled(w, 2)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows")
	// The course's Template by name is the same row.
	rewrite(w, "user,template\nhanako,ide\nhanako,db\n")
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "hanako"); u.Spec.TemplateName != "ide" {
			return fmt.Errorf("her first carrel has Template %q", u.Spec.TemplateName)
		}
		return nil
	})
	rewrite(w, "user,template\nhanako,ide\nhanako,\n")
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason, `line 3: the same user and template as roster.csv line 2: an empty template is the course's, "ide"`)
	w.Settled()
	enrolled(w, 2)
}

// However a roster is written, a student has one carrel of one name, and what changes is
// its Template.
func TestAMoveIsAMove(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	db := classroom.IDE()
	db.Name = "db"
	w.Make(classroom.IDE(), db, rosterFile("class", "user,template\nhanako,\ntaro,ide\n"), enrolling(w, "class"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Reaches("taro", v1alpha1.StateRunning, v1alpha1.RunningReason)
	uid := classroom.Get[v1alpha1.Userland](w, "hanako").UID
	for _, step := range []struct{ rows, template string }{
		{"hanako,db\ntaro,\n", "db"}, {"hanako,ide\ntaro,ide\n", "ide"}, {"hanako,\ntaro,\n", ""}, {"taro,\nhanako,db\n", "db"},
	} {
		rewrite(w, "user,template\n"+step.rows)
		w.Until(func() error {
			u := classroom.Get[v1alpha1.Userland](w, "hanako")
			if u.UID != uid || u.Spec.TemplateName != step.template {
				return fmt.Errorf("her carrel is %s with Template %q, want %s with %q", u.UID, u.Spec.TemplateName, uid, step.template)
			}
			return nil
		})
		enrolled(w, 2)
	}
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows")
	if c := classroom.Get[v1alpha1.Course](w, w.Namespace); len(c.Status.Roster.Gone) > 0 {
		t.Errorf("the guard counts moves: %+v", c.Status.Roster)
	}
}

// A login corrected in case is another Userland, which is made once the former one is
// gone.
func TestCorrectedLogin(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.IDE(), rosterFile("class", "user\nTaro@example.jp\nhanako\nrin\nsora\n"), enrolling(w, "class"))
	enrolled(w, 4)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "4 rows")
	rewrite(w, "user\ntaro@example.jp\nhanako\nrin\nsora\n")
	corrected := roster.UserlandName("taro@example.jp")
	w.Until(func() error {
		if u := (&v1alpha1.Userland{}); w.Get(w.Context(), w.Key(corrected), u) != nil || u.User() != "taro@example.jp" {
			return fmt.Errorf("the row is not there yet")
		}
		return nil
	})
	enrolled(w, 4)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "4 rows")
	// Both spellings are one mistake in one roster.
	rewrite(w, "user\ntaro@example.jp\nhanako\nrin\nTaro@example.jp\n")
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason, "line 5: the same user as line 2, but for upper and lower case")
	enrolled(w, 4)
}
