package room

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// started counts the Jobs.
var started = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "carrel_errands_started_total",
	Help: "Jobs created for errands.",
})

func init() { metrics.Registry.MustRegister(started) }
