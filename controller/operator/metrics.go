package operator

import (
	"cmp"
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// The gauges are computed from the cached statuses at each scrape. No label names a
// person: courses, Templates, states and reasons are bounded by what the maintainer declares
// and by the constants of v1alpha1.
var (
	userlandsGauge = prometheus.NewDesc("carrel_userlands", "Userlands of a course, by state.", []string{"course", "state"}, nil)
	failingGauge   = prometheus.NewDesc("carrel_userlands_failing", "Userlands of a course that are not Ready and in state Failing, by reason.", []string{"course", "reason"}, nil)
	queueGauge     = prometheus.NewDesc("carrel_queue_oldest_seconds", "How long the carrel that has waited longest in the queue of its course has waited.", []string{"course"}, nil)
	notReadyGauge  = prometheus.NewDesc("carrel_course_condition", "1 for each condition of a course that asks for a person, by condition and reason.", []string{"course", "condition", "reason"}, nil)
	rolloutGauge   = prometheus.NewDesc("carrel_rollout_held", "1 if the rollout of a Template is held.", []string{"course", "template", "reason"}, nil)
	volumesGauge   = prometheus.NewDesc("carrel_volumes", "Volumes of a course whose person left: kept, expiring (within a week) and undecided.", []string{"course", "state"}, nil)
)

// classMetrics collects the gauges of all courses in the cache.
type classMetrics struct {
	cached client.Reader
	clock  clock.PassiveClock
}

// Describe sends the descriptions.
func (classMetrics) Describe(descriptions chan<- *prometheus.Desc) {
	for _, description := range []*prometheus.Desc{userlandsGauge, failingGauge, queueGauge, notReadyGauge, rolloutGauge, volumesGauge} {
		descriptions <- description
	}
}

// Collect sends the values. A kind that can't be listed makes the scrape fail, so that
// nobody takes a missing value for a zero.
func (m classMetrics) Collect(values chan<- prometheus.Metric) {
	ctx := context.Background()
	userlands, courses, templates := &v1alpha1.UserlandList{}, &v1alpha1.CourseList{}, &v1alpha1.TemplateList{}
	for description, list := range map[*prometheus.Desc]client.ObjectList{userlandsGauge: userlands, notReadyGauge: courses, rolloutGauge: templates} {
		if err := m.cached.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
			values <- prometheus.NewInvalidMetric(description, err)
			return
		}
	}
	send := func(description *prometheus.Desc, value float64, labels ...string) {
		values <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	collectUserlands(userlands.Items, m.clock.Now(), send)
	for i := range courses.Items {
		collectCourse(&courses.Items[i], send)
	}
	for i := range templates.Items {
		t := &templates.Items[i]
		if held := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.RolloutHeldCondition); held != nil && held.Status == "True" {
			send(rolloutGauge, 1, t.Namespace, t.Name, held.Reason)
		}
	}
}

// collectUserlands sends the counts of Userlands and the longest wait of each queue.
func collectUserlands(userlands []v1alpha1.Userland, now time.Time, send func(*prometheus.Desc, float64, ...string)) {
	type key struct{ course, value string }
	states, failing, oldest := map[key]int{}, map[key]int{}, map[string]time.Duration{}
	for i := range userlands {
		u := &userlands[i]
		states[key{u.Namespace, u.Status.State}]++
		if ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition); u.Status.State == v1alpha1.StateFailing && ready != nil {
			failing[key{u.Namespace, ready.Reason}]++
		}
		if since := u.Status.QueuedSince; since != nil {
			oldest[u.Namespace] = max(oldest[u.Namespace], now.Sub(since.Time))
		}
	}
	for k, n := range states {
		send(userlandsGauge, float64(n), k.course, k.value)
	}
	for k, n := range failing {
		send(failingGauge, float64(n), k.course, k.value)
	}
	for course, wait := range oldest {
		send(queueGauge, wait.Seconds(), course)
	}
}

// collectCourse sends what a Course says of itself. RosterValid and Isolated ask for a
// person while they are False; Held, Stalled and WorkExpiring do while they are True.
func collectCourse(c *v1alpha1.Course, send func(*prometheus.Desc, float64, ...string)) {
	for _, condition := range c.Status.Conditions {
		asks := condition.Status == "True"
		switch condition.Type {
		case v1alpha1.RosterValidCondition, v1alpha1.IsolatedCondition:
			asks = condition.Status == "False"
		case v1alpha1.HeldCondition, v1alpha1.StalledCondition, v1alpha1.WorkExpiringCondition:
		default:
			continue
		}
		if asks {
			send(notReadyGauge, 1, c.Namespace, condition.Type, condition.Reason)
		}
	}
	v := cmp.Or(c.Status.Volumes, &v1alpha1.VolumeStatus{})
	send(volumesGauge, float64(v.Kept), c.Namespace, "kept")
	send(volumesGauge, float64(v.Expiring), c.Namespace, "expiring")
	send(volumesGauge, float64(v.Undecided), c.Namespace, "undecided")
}

// served is a manager's runnable that serves the gauges while this process leads, so that
// the sum over replicas counts each course once.
type served struct {
	registry  prometheus.Registerer
	collector prometheus.Collector
}

// Start registers the collector until the context ends.
func (s served) Start(ctx context.Context) error {
	if err := s.registry.Register(s.collector); err != nil {
		return err
	}
	<-ctx.Done()
	s.registry.Unregister(s.collector)
	return nil
}
