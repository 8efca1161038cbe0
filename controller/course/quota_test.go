package course_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/test/classroom"
)

// limit makes a quota of Userlands, and counts them as the quota controller does.
func limit(w *classroom.Classroom, most, used string) {
	w.Helper()
	hard := corev1.ResourceList{enrolment.CountUserlands: resource.MustParse(most)}
	quota := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "course"}, Spec: corev1.ResourceQuotaSpec{Hard: hard}}
	w.Make(quota)
	quota.Status = corev1.ResourceQuotaStatus{Hard: hard, Used: corev1.ResourceList{enrolment.CountUserlands: resource.MustParse(used)}}
	if err := w.Status().Update(w.Context(), quota); err != nil {
		w.Fatal(err)
	}
}

// A quota that has no room for all new rows is seen before any of them is written.
func TestQuotaOfUserlandsIsSeenBeforehand(t *testing.T) {
	w := classroom.New(t)
	w.Make(classroom.Sleeper(), rosterFile("class", users(3)), enrolling(w, "class"))
	enrolled(w, 3)
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "3 rows")
	limit(w, "5", "3")
	w.Settled()
	before := len(w.Requests.Writes())
	rewrite(w, strings.Replace(users(7), "user\ns000\n", "user\n", 1))
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionFalse, v1alpha1.RosterRefusedReason,
		`with the new rows, 7 of count/userlands.carrel.dev are needed, and the ResourceQuota "course" of the course allows 5: raise it to at least 7, or take out lines; until then nothing changes`)
	w.Settled()
	for _, write := range w.Requests.Writes()[before:] {
		if strings.Contains(write, "/userlands") {
			t.Errorf("the quota has no room, and the controller asks %s", write)
		}
	}
	enrolled(w, 3)

	classroom.Change(w, "course", func(q *corev1.ResourceQuota) { q.Spec.Hard[enrolment.CountUserlands] = resource.MustParse("7") })
	classroom.ChangeStatus(w, "course", func(q *corev1.ResourceQuota) { q.Status.Hard = q.Spec.Hard })
	request(w, "now")
	tells(w, v1alpha1.RosterValidCondition, metav1.ConditionTrue, v1alpha1.RosterReadReason, "6 rows")
	enrolled(w, 6)
}
