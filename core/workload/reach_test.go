package workload_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// TestNewReach checks how the annotations of a Namespace are read. What they allow is
// checked next to the policy, in test/manifests.
func TestNewReach(t *testing.T) {
	got := workload.NewReach(map[string]string{v1alpha1.AllowClaimsAnnotation: " material,,books ,", v1alpha1.AllowTolerationsAnnotation: " "})
	if diff := cmp.Diff(workload.Reach{Claims: []string{"material", "books"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
