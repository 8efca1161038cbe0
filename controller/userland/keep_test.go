package userland

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestKeepUntil(t *testing.T) {
	gone := time.Date(2026, 2, 27, 23, 30, 0, 0, time.FixedZone("JST", 9*3600))
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
		got := keepUntil(retain, gone)
		if got != want {
			t.Errorf("a volume with retain %q whose Userland goes at %s is kept until %s, want %s", retain, gone, got, want)
		}
		if faults := validation.IsValidLabelValue(got); len(faults) > 0 {
			t.Errorf("%q is no label value: %v", got, faults)
		}
	}
}
