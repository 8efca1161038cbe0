package health_test

import (
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

func TestSummary(t *testing.T) {
	for want, counts := range map[string]v1alpha1.UserlandCounts{
		"0 of 0 ready":                          {},
		"20 of 24 ready":                        {Total: 24, Ready: 20},
		"1 of 24 needs attention: NoTemplate 1": {Total: 24, Ready: 20, Attention: map[string]int32{"NoTemplate": 1}},
		"4 of 24 need attention: ImagePullBackOff 2, CrashLoopBackOff 1, Unschedulable 1": {
			Total: 24, Attention: map[string]int32{"Unschedulable": 1, "ImagePullBackOff": 2, "CrashLoopBackOff": 1}},
	} {
		if got := health.Summary(counts); got != want {
			t.Errorf("%+v is told as %q, want %q", counts, got, want)
		}
	}
}
