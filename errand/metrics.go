package errand

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// outcomes counts how trials ended. No label names a course, a Template or a person.
var outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "carrel_errand_outcomes_total",
	Help: "Trials of revisions of Templates that were recorded, by outcome.",
}, []string{"outcome"})

// started counts the Jobs.
var started = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "carrel_errands_started_total",
	Help: "Jobs created for errands.",
})

func init() { metrics.Registry.MustRegister(outcomes, started) }
