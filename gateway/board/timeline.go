package board

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// sampleEvery is the time between two counts of the running carrels.
	sampleEvery = 30 * time.Second
	// rememberFor is the time for which counts are kept.
	rememberFor = 6 * time.Hour
	// chartWidth and chartHeight are the size of the chart in its own units.
	chartWidth, chartHeight = 360, 96
)

// spans lists the lengths of time that a chart may show. It shows the shortest that holds
// all counts.
var spans = []time.Duration{time.Hour, 3 * time.Hour, rememberFor}

type sample struct {
	at      time.Time
	running int
}

// Timelines holds how many carrels of each course ran in the last hours, as this
// replica has counted them since it started. The pages draw them, and nothing else
// depends on them. The zero value is empty.
type Timelines struct {
	mu       sync.Mutex
	byCourse map[string][]sample
}

// Add appends a count to the timeline of a course. Counts are added in the order of
// their times. One that follows another within half of sampleEvery is dropped.
func (t *Timelines) Add(course string, at time.Time, running int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byCourse == nil {
		t.byCourse = map[string][]sample{}
	}
	all := t.byCourse[course]
	if n := len(all); n > 0 && at.Sub(all[n-1].at) < sampleEvery/2 {
		return
	}
	for len(all) > 0 && at.Sub(all[0].at) > rememberFor {
		all = all[1:]
	}
	t.byCourse[course] = append(all, sample{at, running})
}

// keep drops the courses that are not in the map.
func (t *Timelines) keep(courses map[string]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for course := range t.byCourse {
		if !courses[course] {
			delete(t.byCourse, course)
		}
	}
}

func (t *Timelines) of(course string) []sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]sample(nil), t.byCourse[course]...)
}

// chart is a drawing of the number of running carrels over time.
type chart struct {
	// From and To are the ends of the time shown, and Since is the time of the first
	// count.
	From, Since, To time.Time
	// Max is the highest count.
	Max int
	// Area and Line are paths of SVG, in units of chartWidth and chartHeight.
	Area, Line string
	// Unseen is the width of the part before Since.
	Unseen int
}

// chartOf draws past counts and the present one.
func chartOf(samples []sample, running int, now time.Time) chart {
	for len(samples) > 0 && !samples[len(samples)-1].at.Before(now) {
		samples = samples[:len(samples)-1]
	}
	samples = append(samples, sample{now, running})
	c := chart{Since: samples[0].at, To: now}
	for _, span := range spans {
		c.From = now.Add(-span)
		if !c.From.After(c.Since) {
			break
		}
	}
	for _, s := range samples {
		c.Max = max(c.Max, s.running)
	}
	c.draw(samples)
	return c
}

func (c *chart) draw(samples []sample) {
	x := func(at time.Time) int {
		return max(0, int(int64(chartWidth)*int64(at.Sub(c.From)/time.Second)/int64(c.To.Sub(c.From)/time.Second)))
	}
	// A margin at the top keeps the line of the highest count visible.
	y := func(n int) int { return chartHeight - 2 - (chartHeight-8)*n/max(1, c.Max) }
	c.Unseen = x(c.Since)
	var line strings.Builder
	last := -1
	for i, s := range samples {
		at := x(s.at)
		if at == last && i < len(samples)-1 {
			continue // closer than a pixel
		}
		last = at
		if line.Len() == 0 {
			fmt.Fprintf(&line, "M%d %d", at, y(s.running))
			continue
		}
		fmt.Fprintf(&line, "L%d %d", at, y(s.running))
	}
	c.Line = line.String()
	c.Area = fmt.Sprintf("%sV%dH%dZ", c.Line, chartHeight, c.Unseen)
}

// Size returns the viewBox of the SVG.
func (c chart) Size() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }

// Height returns the height of the chart in its own units.
func (c chart) Height() int { return chartHeight }
