package reporter

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func expiring(t Tally, count int32, from string) Tally {
	t.Expiring = Expiring{Count: count, From: from}
	return t
}

// Volumes that expire are told on the commit, change no state, and cost a post for each
// day at most.
func TestDecideTellsOfVolumes(t *testing.T) {
	syncs := []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")}
	pull := []string{v1alpha1.ImagePullBackOffReason}
	const green, told = "24 of 24 ready", "24 of 24 ready; 12 volumes expire from 5 Dec"
	for name, test := range map[string]struct {
		tally Tally
		last  *v1alpha1.ReportStatus
		want  outcome
	}{
		"at the first look":              {expiring(tally(24, 24), 1, "5 Dec"), nil, outcome{Post: "A success: 24 of 24 ready; 1 volume expires from 5 Dec"}},
		"a week before":                  {expiring(tally(24, 24), 12, "5 Dec"), last("A", "success", green), outcome{Post: "A success: " + told}},
		"nothing new":                    {expiring(tally(24, 24), 12, "5 Dec"), last("A", "success", told), outcome{}},
		"one of them was deleted":        {expiring(tally(24, 24), 11, "5 Dec"), last("A", "success", told), outcome{}},
		"one is left of them":            {expiring(tally(24, 24), 1, "5 Dec"), last("A", "success", told), outcome{}},
		"one more on the same day":       {expiring(tally(24, 24), 13, "5 Dec"), last("A", "success", told), outcome{}},
		"the next day":                   {expiring(tally(24, 24), 3, "6 Dec"), last("A", "success", told), outcome{Post: "A success: 24 of 24 ready; 3 volumes expire from 6 Dec"}},
		"a date that ends alike":         {expiring(tally(24, 24), 3, "15 Dec"), last("A", "success", told), outcome{Post: "A success: 24 of 24 ready; 3 volumes expire from 15 Dec"}},
		"past the date, and not deleted": {expiring(tally(24, 24), 3, ""), last("A", "success", told), outcome{Post: "A success: 24 of 24 ready; 3 volumes are past their date"}},
		"all are kept":                   {tally(24, 24), last("A", "success", told), outcome{Post: "A success: " + green}},
		"with a failure":                 {expiring(tally(24, 23, pull...), 2, "5 Dec"), last("A", "failure", "1 of 24 needs attention: ImagePullBackOff 1"), outcome{Post: "A failure: 1 of 24 needs attention: ImagePullBackOff 1; 2 volumes expire from 5 Dec"}},
		"while carrels start":            {expiring(tally(24, 20), 2, "5 Dec"), last("A", "pending", "20 of 24 ready, 4 starting"), outcome{After: progressDeadline - time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			got := Decide(AimAt(syncs, test.last, "A", nil), syncs, test.tally, test.last, now)
			if diff := cmp.Diff(test.want, outcomeOf(got)); diff != "" {
				t.Errorf("Decide (-want +got):\n%s", diff)
			}
			if got.Report != nil {
				checkStable(t, got, syncs, test.tally, "A")
			}
		})
	}
}

// The cause of a failure has the room first.
func TestVolumesLeaveRoomForTheCause(t *testing.T) {
	for length := 60; length < 200; length++ {
		cause := strings.Repeat("x", length)
		syncs := []Sync{refused(rosterKey, "A", "r1", cause)}
		got := Decide(AimAt(syncs, nil, "A", nil), syncs, expiring(tally(1, 1), 300, "31 Dec"), nil, now).Report.Description
		if n := utf8.RuneCountInString(got); n > 140 {
			t.Fatalf("%d characters: %q", n, got)
		}
		if length <= 130 && !strings.Contains(got, cause) {
			t.Fatalf("the cause is cut for the volumes: %q", got)
		}
	}
}

func TestExpiringOf(t *testing.T) {
	next := metav1.NewTime(time.Date(2026, time.December, 4, 16, 0, 0, 0, time.UTC))
	tokyo := &v1alpha1.Timetable{TimeZone: "Asia/Tokyo"}
	for name, test := range map[string]struct {
		status, reason string
		timetable      *v1alpha1.Timetable
		volumes        *v1alpha1.VolumeStatus
		want           Expiring
	}{
		"in the zone of the course":  {"True", v1alpha1.AnnouncedReason, tokyo, &v1alpha1.VolumeStatus{Kept: 9, Expiring: 2, Next: &next}, Expiring{2, "5 Dec"}},
		"without a timetable":        {"True", v1alpha1.AnnouncedReason, nil, &v1alpha1.VolumeStatus{Expiring: 2, Next: &next}, Expiring{2, "4 Dec"}},
		"past the date":              {"True", v1alpha1.UnconfirmedReason, tokyo, &v1alpha1.VolumeStatus{Expiring: 2, Next: &next}, Expiring{2, ""}},
		"not any more":               {"False", v1alpha1.AnnouncedReason, tokyo, &v1alpha1.VolumeStatus{Expiring: 2, Next: &next}, Expiring{}},
		"kept, and none soon":        {"", "", tokyo, &v1alpha1.VolumeStatus{Kept: 9, Next: &next}, Expiring{}},
		"a condition without counts": {"True", v1alpha1.AnnouncedReason, tokyo, nil, Expiring{}},
	} {
		t.Run(name, func(t *testing.T) {
			course := &v1alpha1.Course{Spec: v1alpha1.CourseSpec{Timetable: test.timetable}}
			course.Status.Volumes = test.volumes
			if test.status != "" {
				course.Status.Conditions = []metav1.Condition{{Type: v1alpha1.WorkExpiringCondition, Status: metav1.ConditionStatus(test.status), Reason: test.reason}}
			}
			class := Class{}
			class.enrol(course)
			if diff := cmp.Diff(test.want, class.Take(time.Time{}, now).Expiring); diff != "" {
				t.Errorf("expiring (-want +got):\n%s", diff)
			}
		})
	}
}
