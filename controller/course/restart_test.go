package course_test

import (
	"fmt"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

func TestCourseCounts(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	lost := classroom.Student("lost")
	lost.Spec.TemplateName = ""
	w.Make(append(classroom.Class(5), classroom.IDE(), w.Course(), lost)...)
	says := func(status, message string) *v1alpha1.Course {
		t.Helper()
		var course *v1alpha1.Course
		w.Until(func() error {
			course = classroom.Get[v1alpha1.Course](w, w.Namespace)
			for _, c := range course.Status.Conditions {
				if c.Type == v1alpha1.ReadyCondition && string(c.Status) == status && c.Message == message {
					return nil
				}
			}
			return fmt.Errorf("the Course says %+v, want Ready=%s: %s", course.Status.Conditions, status, message)
		})
		classroom.CheckConditions(t, course)
		return course
	}
	says("False", "1 of 6 needs attention: NoTemplate 1")
	w.Drop("lost")
	course := says("True", "5 of 5 ready")
	if running := course.Status.Userlands.States[v1alpha1.StateRunning]; running != 5 || len(course.Status.Userlands.Attention) > 0 {
		t.Errorf("counts %+v, want 5 running and none that needs attention", course.Status.Userlands)
	}
}
