package userland

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestWaited(t *testing.T) {
	at := func(seconds int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 11, 28, 9, 0, seconds, 0, time.UTC)}
	}
	tests := map[string]struct {
		before, after v1alpha1.UserlandStatus
		wait          time.Duration
		started       bool
	}{
		"a first visit":           {v1alpha1.UserlandStatus{LastActivityTime: at(10)}, v1alpha1.UserlandStatus{LastStartTime: at(12)}, 2 * time.Second, true},
		"a visit after a queue":   {v1alpha1.UserlandStatus{LastActivityTime: at(10), QueuedSince: at(11)}, v1alpha1.UserlandStatus{LastStartTime: at(41)}, 30 * time.Second, true},
		"a visit of a slow clock": {v1alpha1.UserlandStatus{LastActivityTime: at(13)}, v1alpha1.UserlandStatus{LastStartTime: at(12)}, 0, true},
		"a start by the timetable, visited in an earlier lesson": {
			v1alpha1.UserlandStatus{LastActivityTime: at(5), LastStartTime: at(6)}, v1alpha1.UserlandStatus{LastStartTime: at(50)}, 0, false,
		},
		"a start by the timetable, never visited": {v1alpha1.UserlandStatus{}, v1alpha1.UserlandStatus{LastStartTime: at(50)}, 0, false},
		"no start": {v1alpha1.UserlandStatus{LastStartTime: at(5), LastActivityTime: at(9)}, v1alpha1.UserlandStatus{LastStartTime: at(5)}, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if wait, started := waited(&test.before, &test.after); wait != test.wait || started != test.started {
				t.Errorf("waited returned %v, %v; want %v, %v", wait, started, test.wait, test.started)
			}
		})
	}
}
