package board

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// sampleEvery is how often the running carrels are counted.
	sampleEvery = 30 * time.Second
	// rememberFor is how far back counts are remembered.
	rememberFor = 6 * time.Hour
	// chartWidth and chartHeight are the units of the drawing.
	chartWidth, chartHeight = 360, 96
)

// spans are how far back a drawing may reach; the shortest that holds all that
// was seen is taken.
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

// keep forgets the courses that are no more.
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

// chart is a drawing of the running carrels.
type chart struct {
	// From is where the drawing begins, Since what was first seen, To now.
	From, Since, To time.Time
	// Max is the highest count.
	Max int
	// Area and Line are paths in units of chartWidth and chartHeight.
	Area, Line string
	// Unseen is the width of what lies before Since.
	Unseen int
}

// chartOf draws the counts seen and the present one.
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
	// Some air above, so that the line of the highest count is seen.
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

// Size is the drawing's for the browser.
func (c chart) Size() string { return fmt.Sprintf("0 0 %d %d", chartWidth, chartHeight) }

// Height is that of the drawing.
func (c chart) Height() int { return chartHeight }
