package observe

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what the gateway serves, by course. The course "" stands for requests
// that belong to none.
type Metrics struct {
	requests *prometheus.CounterVec
	first    *prometheus.HistogramVec
	sockets  *prometheus.GaugeVec
	wakes    *prometheus.HistogramVec
	refused  *prometheus.CounterVec
}

// NewMetrics returns Metrics that are registered. It panics if they were registered
// before.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carrel_gateway_requests_total", Help: "Requests served, by the status of the answer.",
		}, []string{"course", "code"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "carrel_gateway_first_byte_seconds", Help: "Time until the answer to a request begins.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 30},
		}, []string{"course"}),
		sockets: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "carrel_gateway_open_sockets", Help: "WebSockets open now.",
		}, []string{"course"}),
		wakes: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "carrel_gateway_wake_seconds", Help: "Time from a visitor's coming to a carrel that did not run until it served them.",
			Buckets: []float64{.5, 1, 2, 4, 8, 16, 32, 64, 128, 300},
		}, []string{"course"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "carrel_gateway_refused_total", Help: "Requests refused because a bound was reached, by the bound.",
		}, []string{"bound"}),
	}
	registry.MustRegister(m.requests, m.first, m.sockets, m.wakes, m.refused)
	return m
}

func (m *Metrics) served(course string, status int, first time.Duration) {
	m.requests.WithLabelValues(course, label(status)).Inc()
	m.first.WithLabelValues(course).Observe(first.Seconds())
}

// label returns the value of the label code for a status. It is "other" for statuses
// that HTTP does not define, so that programs in carrels can't add labels without limit.
func label(status int) string {
	const clientClosed = 499 // of package route
	if http.StatusText(status) == "" && status != clientClosed {
		return "other"
	}
	return strconv.Itoa(status)
}

// Opened counts the opening of a WebSocket.
func (m *Metrics) Opened(course string) { m.sockets.WithLabelValues(course).Inc() }

// Closed counts the closing of a WebSocket.
func (m *Metrics) Closed(course string) { m.sockets.WithLabelValues(course).Dec() }

// Refused counts a request that was refused because a bound was reached.
func (m *Metrics) Refused(bound string) { m.refused.WithLabelValues(bound).Inc() }

// Woken records how long a visitor waited for a carrel that did not run.
func (m *Metrics) Woken(course string, after time.Duration) {
	m.wakes.WithLabelValues(course).Observe(after.Seconds())
}
