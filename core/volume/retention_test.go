package volume

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestKeepUntil(t *testing.T) {
	unused := time.Date(2026, 2, 27, 23, 30, 0, 0, time.FixedZone("JST", 9*3600))
	for retain, want := range map[string]string{
		"30d":    "20260329T143000Z",
		"12h":    "20260228T023000Z",
		"99999d": "22991212T143000Z",

		v1alpha1.KeepForever: v1alpha1.KeepForever,
		// A promise that can't be read is kept for ever.
		"":        v1alpha1.KeepForever,
		"soon":    v1alpha1.KeepForever,
		"-1d":     v1alpha1.KeepForever,
		"999999d": v1alpha1.KeepForever,
	} {
		got := KeepUntil(claim(retain, "", ""), unused)
		if got != want {
			t.Errorf("a volume with retain %q nobody uses from %s is kept until %s, want %s", retain, unused, got, want)
		}
		if faults := validation.IsValidLabelValue(got); len(faults) > 0 {
			t.Errorf("%q is no label value: %v", got, faults)
		}
	}
	if got := KeepUntil(claim("12h", "", ""), unused.Add(time.Nanosecond)); got != "20260228T023001Z" {
		t.Errorf("kept until %s, which is less than 12 hours", got)
	}
}

func claim(retain, until, announced string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{}
	c.Annotations = map[string]string{v1alpha1.RetainAnnotation: retain, v1alpha1.AnnouncedAnnotation: announced}
	c.Labels = map[string]string{v1alpha1.KeepUntilLabel: until}
	return c
}

func TestNextStep(t *testing.T) {
	for _, test := range []struct {
		name                     string
		retain, until, announced string
		step                     Step
		at                       string
		// since is when a controller began to watch; empty: before anything happened.
		since string
	}{
		{"announced a day before", "30d", "20261231T120000Z", "", StepAnnounce, "20261230T120000Z", ""},
		{"at once, if it is kept for less", "12h", "20261231T120000Z", "", StepAnnounce, "20261231T000000Z", ""},
		{"deleted when its time is over", "30d", "20261231T120000Z", "20261231T120000Z announced 20261230T120000Z", StepRemove, "20261231T120000Z", ""},
		{"a day after the announcement, if that came late", "30d", "20261231T120000Z", "20261231T120000Z announced 20270105T000000Z", StepRemove, "20270106T000000Z", ""},
		{"and half a day, if it is kept for no longer", "12h", "20261231T120000Z", "20261231T120000Z announced 20270105T000000Z", StepRemove, "20270105T120000Z", ""},
		{"what was put off is announced anew", "30d", "20270131T120000Z", "20261231T120000Z announced 20261230T120000Z", StepAnnounce, "20270130T120000Z", ""},
		{"by whoever else it was announced", "30d", "20261231T120000Z", "yes", StepAnnounce, "20261230T120000Z", ""},
		{"a day after an outage", "30d", "20261231T120000Z", "20261231T120000Z announced 20261230T120000Z", StepRemove, "20270106T000000Z", "20270105T000000Z"},
		{"half a day after one, if it is kept for no longer", "12h", "20261231T120000Z", "20261231T120000Z announced 20261230T120000Z", StepRemove, "20270105T120000Z", "20270105T000000Z"},
		{"not put off by an outage long before", "30d", "20261231T120000Z", "20261231T120000Z announced 20261230T120000Z", StepRemove, "20261231T120000Z", "20261201T000000Z"},
		{"kept for ever", "30d", v1alpha1.KeepForever, "", StepNone, "", ""},
		{"kept until nobody knows when", "30d", "2026-12-31", "", StepNone, "", ""},
		{"a retain nobody can read", "soon", "20261231T120000Z", "", StepAnnounce, "20261230T120000Z", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			since, _ := time.Parse(v1alpha1.KeepUntilLayout, test.since)
			step, at := NextStep(claim(test.retain, test.until, test.announced), since)
			got := ""
			if !at.IsZero() {
				got = Stamp(at)
			}
			if step != test.step || got != test.at {
				t.Errorf("step %v at %s, want %v at %s", step, got, test.step, test.at)
			}
		})
	}
}
