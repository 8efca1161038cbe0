package volume_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

// While the look at the volumes of a course takes for ever, its carrels wake, run and stop.
func TestWakingDoesNotWaitForVolumes(t *testing.T) {
	w := classroom.New(t)
	w.Stop()
	var looks atomic.Int32
	end := make(chan struct{})
	w.Requests = &classroom.Requests{}
	w.StartShard(classroom.ShardOptions{Namespaces: classroom.InNamespace(w.Namespace), Clock: &w.Clock, Watch: func() string {
		looks.Add(1)
		<-end
		return classroom.Watch()
	}})
	w.PlayCluster()
	w.Make(classroom.Sleeper(), w.Course(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Until(func() error {
		if looks.Load() == 0 {
			return fmt.Errorf("no look at the volumes of the course began")
		}
		return nil
	})
	w.Opened("hanako")
	w.Active("hanako", w.Clock.Now())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if looks.Load() != 1 {
		t.Errorf("%d looks at the volumes of the course began, want the one that never ended", looks.Load())
	}
	close(end)
	w.Settled()
}
