package template_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// An edit that takes a volume away from the class is held: Template and Course say so,
// and carrels go on with the former revision until the Course has the word.
func TestVolumesOfAClassAreHeldUntilConfirmed(t *testing.T) {
	w := classroom.New(t)
	running(w, classroom.IDE(), 2)
	former := classroom.Get[v1alpha1.Template](w, "ide").Status.Revision.Name
	classroom.Change(w, "ide", func(t *v1alpha1.Template) {
		t.Spec.Volumes, t.Spec.Template.Spec.Containers[0].VolumeMounts = nil, nil
	})
	const words = "would take volume home from 2 of 2 carrels; to confirm, set spec.guard.confirm of the Course"
	w.Until(func() error {
		for what, message := range held(w) {
			if !strings.Contains(message, words) {
				return fmt.Errorf("the %s says %q, want %q", what, message, words)
			}
		}
		return nil
	})
	w.Settled()
	w.Make(classroom.Student("taro"))
	w.Settled()
	if now := classroom.Get[v1alpha1.Template](w, "ide").Status.Revision.Name; now != former {
		t.Fatalf("carrels are made of %s, want %s", now, former)
	}
	message := held(w)["Template"]
	var word string
	if _, err := fmt.Sscanf(message[strings.LastIndex(message, ": ")+2:], "%q", &word); err != nil {
		t.Fatal(err)
	}
	classroom.Change(w, w.Namespace, func(c *v1alpha1.Course) { c.Spec.Guard.Confirm = word })
	w.Until(func() error {
		status := classroom.Get[v1alpha1.Template](w, "ide").Status
		if status.Revision.Name == former || meta.FindStatusCondition(status.Conditions, v1alpha1.RolloutHeldCondition) != nil {
			return fmt.Errorf("it is confirmed, and the status is %+v", status)
		}
		return nil
	})
	w.UpdatePending("student-00")
}
