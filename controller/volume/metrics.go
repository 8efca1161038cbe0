package volume

import (
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

var deletions = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "carrel_volumes_deleted_total",
	Help: "Volumes deleted after the time that they were kept.",
}, []string{"course"})

func init() { metrics.Registry.MustRegister(deletions) }
