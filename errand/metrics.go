package errand

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// outcomes counts how trials ended. No label names a course, a Template or a person.
var outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "carrel_errand_outcomes_total",
	Help: "Trials of revisions of Templates that were recorded, by outcome.",
}, []string{"outcome"})

func init() {
	metrics.Registry.MustRegister(outcomes)
	// A counter that begins at 0 shows its first increase.
	for _, outcome := range []string{v1alpha1.TrialStarted, v1alpha1.TrialFailed, v1alpha1.TrialNotTried} {
		outcomes.WithLabelValues(outcome)
	}
}
