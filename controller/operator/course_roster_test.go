package operator_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// rosterFile is a ConfigMap as kustomize makes it of files.
func rosterFile(name, text string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1alpha1.RosterLabel: "true"}},
		Data:       map[string]string{"roster.csv": text},
	}
}

// enrolling is the Course of the namespace with rosters.
func (w *world) enrolling(configMaps ...string) *v1alpha1.Course {
	c := w.course()
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
func (w *world) rewrite(text string) {
	w.Helper()
	change(w, "class", func(c *corev1.ConfigMap) { c.Data, c.BinaryData = map[string]string{"roster.csv": text}, nil })
}

// tells waits until a condition of the Course has a reason and words.
func (w *world) tells(kind string, status metav1.ConditionStatus, reason, words string) *v1alpha1.Course {
	w.Helper()
	c := &v1alpha1.Course{}
	w.until(func() error {
		if err := w.Get(w.Context(), w.key(w.namespace), c); err != nil {
			return err
		}
		found := meta.FindStatusCondition(c.Status.Conditions, kind)
		if found == nil || found.Status != status || found.Reason != reason || !strings.Contains(found.Message, words) || c.Status.ObservedGeneration != c.Generation {
			return fmt.Errorf("%s is %+v, want %s, %s and the words %q; the roster: %+v", kind, found, status, reason, words, c.Status.Roster)
		}
		return nil
	})
	checkConditions(w.T, c)
	return c
}

// enrolled waits until there are so many Userlands.
func (w *world) enrolled(want int) {
	w.Helper()
	list := &v1alpha1.UserlandList{}
	w.until(func() error {
		if err := w.List(w.Context(), list, client.InNamespace(w.namespace)); err != nil {
			return err
		}
		if len(list.Items) != want {
			return fmt.Errorf("there are %d Userlands, want %d", len(list.Items), want)
		}
		return nil
	})
}

func TestRowsBecomeCarrels(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), rosterFile("class", "user,name,section,enabled\r\nhanako,森 花,a,\r\nTaro@example.jp,,b,FALSE\r\n"), w.enrolling("class"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	c := w.tells(v1alpha1.ReadyCondition, metav1.ConditionTrue, v1alpha1.AllReadyReason, "2 of 2 ready")
	if c.Status.Roster == nil || c.Status.Roster.Rows != 2 || c.Status.Roster.Digest == "" {
		t.Errorf("the status of the roster is %+v", c.Status.Roster)
	}
	hanako := get[v1alpha1.Userland](w, "hanako")
	if !metav1.IsControlledBy(hanako, c) || hanako.Spec.Section != "a" || hanako.Annotations[v1alpha1.NameAnnotation] != "森 花" {
		t.Errorf("her Userland is not as her row says: %+v", hanako)
	}
	w.settled()
	before := len(w.requests.writes())
	w.rewrite("user,name,section,enabled\nhanako,,,\nTaro@example.jp,,b,FALSE\nnew,,,\n")
	w.reaches("new", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "hanako"); u.Spec.Section != "" || u.Annotations[v1alpha1.NameAnnotation] != "" {
			return fmt.Errorf("what the row no longer says is still there: %+v", u)
		}
		return nil
	})
	w.settled()
	for _, write := range w.requests.writes()[before:] {
		if strings.Contains(write, "taro") {
			t.Errorf("his row is the same, and the controllers ask %s", write)
		}
	}
	w.stop()
	w.start()
	w.settled()
	if writes := w.requests.writes(); len(writes) > 0 {
		t.Errorf("started again with nothing to do, the controllers write: %v", writes)
	}
}

func TestABadRosterChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.make(ide(), rosterFile("class", users(3)), w.enrolling("class"))
	w.enrolled(3)
	w.rewrite("user,enabled\nnew,\ns000,maybe\n,\n ,yes\n")
	c := w.tells(v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason,
		"roster.csv line 3, column 2 (enabled): neither true nor false: write true or false, or leave the cell empty for true (and 1 more); until then nothing changes")
	w.tells(v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.RosterInvalidReason, "line 3")
	if c.Status.Roster.ErrorCount != 2 || c.Status.Roster.Errors[1].Line != 5 {
		t.Errorf("the errors in the status are %+v", c.Status.Roster)
	}
	w.settled()
	w.enrolled(3)

	change(w, "class", func(c *corev1.ConfigMap) {
		c.Data, c.BinaryData = nil, map[string][]byte{"roster.csv": []byte("user,name\ns000,\x8d\xb2\x93\xa1\n")}
	})
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason, "Shift_JIS")
	if err := w.Delete(w.Context(), rosterFileIn(w, "class")); err != nil {
		t.Fatal(err)
	}
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterNotFoundReason, "ConfigMap class: there is none of this name")
	w.settled()
	w.enrolled(3)
	w.make(rosterFile("class", users(4)))
	w.enrolled(4)
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "4 rows")
}

func rosterFileIn(w *world, name string) *corev1.ConfigMap {
	c := rosterFile(name, "")
	c.Namespace = w.namespace
	return c
}

func TestAMassRemovalIsHeldUntilConfirmed(t *testing.T) {
	w := newWorld(t)
	w.make(ide(), rosterFile("class", users(12)), w.enrolling("class"))
	w.enrolled(12)
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "12 rows")
	w.rewrite(users(9))
	w.enrolled(9)
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "9 rows")

	w.rewrite("user\ns000\ns001\nnew\n")
	c := w.tells(v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, `held: would remove 7 of 9; to confirm, set spec.guard.confirm: "`)
	w.tells(v1alpha1.StalledCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "held")
	w.enrolled(10)
	confirm := c.Status.Roster.Held.Confirm
	w.settled()
	// The word for one change is none for another.
	w.rewrite("user\ns000\nnew\n")
	w.tells(v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 8 of 9")
	change(w, w.namespace, func(c *v1alpha1.Course) { c.Spec.Guard.Confirm = confirm })
	w.tells(v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 8 of 9")
	w.settled()
	w.enrolled(10)
	w.rewrite("user\ns000\ns001\nnew\n")
	w.enrolled(3)
	c = w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "3 rows")
	if meta.FindStatusCondition(c.Status.Conditions, v1alpha1.HeldCondition) != nil || c.Status.Roster.Held != nil {
		t.Errorf("nothing is held any more, and it says so: %+v", c.Status)
	}
	// Nobody at all, by an empty roster or by none.
	w.rewrite("user\n")
	w.tells(v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 3 of 3")
	change(w, w.namespace, func(c *v1alpha1.Course) { c.Spec.Rosters = nil })
	w.tells(v1alpha1.HeldCondition, metav1.ConditionTrue, v1alpha1.RemovalHeldReason, "would remove 3 of 3")
	w.settled()
	w.enrolled(3)
}

func TestFilesComeBeforeRowsAndMoveOver(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	file := student("her-file")
	file.Spec.User, file.Spec.TemplateName = "hanako", ""
	w.make(ide(), w.enrolling(), file)
	w.reaches("her-file", v1alpha1.StateRunning, v1alpha1.RunningReason)
	pod := get[v1alpha1.Userland](w, "her-file").Status.LastStartTime
	w.make(rosterFile("class", "user,section\ntaro,\nhanako,a\n"))
	change(w, w.namespace, func(c *v1alpha1.Course) { c.Spec.Rosters = []v1alpha1.RosterSource{{ConfigMap: "class"}} })
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows, 1 of them left to files of their own; 1 warnings, the first: roster.csv line 3: a file of its own")
	w.enrolled(2)

	// First commit: the mark. The row differs, so the file still wins.
	change(w, "her-file", func(u *v1alpha1.Userland) {
		u.Annotations = map[string]string{"kustomize.toolkit.fluxcd.io/prune": "disabled"}
	})
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "the two differ in section or enabled")
	w.rewrite("user,section\ntaro,\nhanako,\n")
	c := w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows")
	w.until(func() error {
		if !metav1.IsControlledBy(get[v1alpha1.Userland](w, "her-file"), c) {
			return fmt.Errorf("the Course does not take her over")
		}
		return nil
	})
	w.rewrite("user,section\ntaro,\nhanako,b\n")
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "her-file"); u.Spec.Section != "b" {
			return fmt.Errorf("the row does not reach her: %+v", u.Spec)
		}
		return nil
	})
	w.settled()
	if u := w.reaches("her-file", v1alpha1.StateRunning, v1alpha1.RunningReason); !u.Status.LastStartTime.Equal(pod) {
		t.Error("her carrel was started anew")
	}
	w.enrolled(2)
	w.rewrite("user\ntaro\n")
	w.enrolled(1)
	claims := &corev1.PersistentVolumeClaimList{}
	if err := w.List(w.Context(), claims, client.InNamespace(w.namespace)); err != nil || len(claims.Items) != 2 {
		t.Errorf("%d volumes are left, want both (%v)", len(claims.Items), err)
	}
}

func TestOneUserSeveralTemplates(t *testing.T) {
	w := newWorld(t)
	db := ide()
	db.Name = "db"
	w.make(ide(), db, rosterFile("class", "user,template\nhanako,\nhanako,db\n"), w.enrolling("class"))
	w.enrolled(2)
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "2 rows")
	// The course's Template by name is the same row.
	w.rewrite("user,template\nhanako,ide\nhanako,db\n")
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "hanako"); u.Spec.TemplateName != "ide" {
			return fmt.Errorf("her first carrel has Template %q", u.Spec.TemplateName)
		}
		return nil
	})
	w.rewrite("user,template\nhanako,ide\nhanako,\n")
	w.tells(v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterInvalidReason, `line 3: the same user and template as roster.csv line 2: an empty template is the course's, "ide"`)
	w.settled()
	w.enrolled(2)
}
