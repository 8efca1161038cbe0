package userland

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// The times of a status have a resolution of one second, so a wait of less than that is
// observed as zero.
var (
	startWaits = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "carrel_start_wait_seconds",
		Help:    "Time from a visit, or from joining the queue, until the Deployment of a carrel was scaled up: the share of Carrel in a wake.",
		Buckets: []float64{1, 2, 5, 10, 30, 60, 120, 300, 600},
	}, []string{"course"})
	startDurations = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "carrel_start_duration_seconds",
		Help:    "Time from the scaling up of a Deployment until its carrel was Running: the share of Kubernetes in a wake.",
		Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 300, 600},
	}, []string{"course"})
	startFailures = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "carrel_start_failures_total",
		Help: "Carrels that became Failing, by the reason of their condition Ready.",
	}, []string{"course", "reason"})
)

func init() { metrics.Registry.MustRegister(startWaits, startDurations, startFailures) }

// measure counts what a change of a status means: a start, its end, or a failure.
func measure(course string, before, after *v1alpha1.UserlandStatus, now time.Time) {
	if wait, started := waited(before, after); started {
		startWaits.WithLabelValues(course).Observe(wait.Seconds())
	}
	if before.State == after.State {
		return
	}
	switch after.State {
	case v1alpha1.StateRunning:
		if before.State == v1alpha1.StateStarting && after.LastStartTime != nil {
			startDurations.WithLabelValues(course).Observe(now.Sub(after.LastStartTime.Time).Seconds())
		}
	case v1alpha1.StateFailing:
		if ready := meta.FindStatusCondition(after.Conditions, v1alpha1.ReadyCondition); ready != nil {
			startFailures.WithLabelValues(course, ready.Reason).Inc()
		}
	}
}

// waited returns how long somebody waited for a start, if the status records a new start
// that a visit or the queue led to. A start by the timetable makes nobody wait.
func waited(before, after *v1alpha1.UserlandStatus) (wait time.Duration, started bool) {
	if after.LastStartTime == nil || after.LastStartTime.Equal(before.LastStartTime) {
		return 0, false
	}
	since := before.QueuedSince
	if since == nil {
		since = before.LastActivityTime
	}
	if since == nil || before.LastStartTime != nil && since.Before(before.LastStartTime) {
		return 0, false
	}
	return max(after.LastStartTime.Sub(since.Time), 0), true
}
