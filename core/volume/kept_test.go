package volume

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestKeptOf(t *testing.T) {
	until := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name, label, retain, handled string
		want                         Kept
	}{
		{"dated by its retain", "20261231T120000Z", "30d", "", Kept{Until: until, Since: until.Add(-30 * 24 * time.Hour)}},
		{"dated by a person", "20261231T120000Z", "30d", "2026-12-01T00:00:00Z", Kept{Until: until, Handled: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}},
		{"a retain nobody can read", "20261231T120000Z", "soon", "", Kept{Until: until}},
		{"for ever", v1alpha1.KeepForever, v1alpha1.KeepForever, "", Kept{}},
		{"a label nobody can read", "2026-12-31", "30d", "", Kept{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := claim(test.retain, test.label, "")
			c.Name = "hanako--home"
			c.Annotations[v1alpha1.UserAnnotation], c.Annotations[v1alpha1.VolumeAnnotation], c.Annotations[v1alpha1.ClaimTemplateAnnotation] = "hanako", "home", "ide"
			c.Annotations[v1alpha1.HandledRequestAnnotation] = test.handled
			c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("2Gi")}
			test.want.Claim, test.want.User, test.want.Volume, test.want.Template, test.want.Size = "hanako--home", "hanako", "home", "ide", "2Gi"
			got, ok := KeptOf(c)
			if diff := cmp.Diff(test.want, got); diff != "" || !ok {
				t.Errorf("kept %t (-want +got):\n%s", ok, diff)
			}
		})
	}
	if _, ok := KeptOf(&corev1.PersistentVolumeClaim{}); ok {
		t.Error("a claim without a date counts as kept")
	}
}

// Requests that were handled, or whose claim is gone, make room for others.
func TestAsk(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	asked := func(claim string, after time.Duration) v1alpha1.VolumeRequest {
		return v1alpha1.VolumeRequest{Claim: claim, At: metav1.NewTime(at.Add(after)), KeepUntil: v1alpha1.KeepForever}
	}
	before := &v1alpha1.CourseRequests{Volumes: []v1alpha1.VolumeRequest{asked("handled", 0), asked("gone", 0), asked("waits", 0), asked("again", 0), asked("later", time.Hour)}}
	kept := []Kept{{Claim: "handled", Handled: at.Time}, {Claim: "waits"}, {Claim: "again"}, {Claim: "later", Handled: at.Time}}
	got := Ask(before, asked("again", time.Minute), kept)
	want := &v1alpha1.CourseRequests{Volumes: []v1alpha1.VolumeRequest{asked("waits", 0), asked("later", time.Hour), asked("again", time.Minute)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the requests (-want +got):\n%s", diff)
	}
	late := Ask(before, asked("again", -time.Minute), kept).Volumes
	if last := late[len(late)-1]; !last.At.Equal(&metav1.Time{Time: at.Add(time.Second)}) {
		t.Errorf("a request by a slow clock is of %s, want it after the earlier one, of %s", last.At, at)
	}
	if len(before.Volumes) != 5 {
		t.Error("the argument was changed")
	}
	if r, found := kept[3].Asked(got); !found || r.At != asked("later", time.Hour).At {
		t.Errorf("the later request: %v, %v", r, found)
	}
	if _, found := kept[0].Asked(before); found {
		t.Error("a handled request is still pending")
	}
}

func TestEarliestDeletion(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name   string
		status *v1alpha1.VolumeStatus
		want   time.Time
	}{
		{"not counted yet", nil, now.Add(24 * time.Hour)},
		{"watched for long", &v1alpha1.VolumeStatus{WatchedSince: &metav1.Time{Time: now.Add(-90 * time.Hour)}}, now.Add(24 * time.Hour)},
		{"not watched", &v1alpha1.VolumeStatus{}, now.Add(24 * time.Hour)},
	} {
		if got := EarliestDeletion(test.status, now); !got.Equal(test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}
