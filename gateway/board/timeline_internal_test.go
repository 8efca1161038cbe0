package board

import (
	"strings"
	"testing"
	"time"
)

func TestChart(t *testing.T) {
	now := time.Date(2027, 4, 12, 10, 0, 0, 0, time.UTC)
	ago := func(minutes, running int) sample {
		return sample{now.Add(-time.Duration(minutes) * time.Minute), running}
	}
	for _, test := range []struct {
		name    string
		samples []sample
		running int
		from    time.Duration
		unseen  int
		max     int
		line    string
	}{
		{"nothing was seen yet", nil, 3, time.Hour, 360, 3, "M360 6"},
		{"nobody", []sample{ago(30, 0)}, 0, time.Hour, 180, 0, "M180 94L360 94"},
		{"half an hour", []sample{ago(30, 0), ago(15, 10)}, 5, time.Hour, 180, 10, "M180 94L270 6L360 50"},
		{"two hours", []sample{ago(120, 4)}, 4, 3 * time.Hour, 120, 4, "M120 6L360 6"},
		{"more than is drawn", []sample{ago(400, 4)}, 4, 6 * time.Hour, 0, 4, "M0 6L360 6"},
		{"closer than a pixel", []sample{ago(360, 1), {now.Add(-6*time.Hour + time.Second), 4}}, 1, 6 * time.Hour, 0, 4, "M0 72L360 72"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := chartOf(test.samples, test.running, now)
			if c.From != now.Add(-test.from) || c.Unseen != test.unseen || c.Max != test.max || c.Line != test.line {
				t.Errorf("from %v, unseen %d, max %d, line %s; want %v, %d, %d, %s", now.Sub(c.From), c.Unseen, c.Max, c.Line, test.from, test.unseen, test.max, test.line)
			}
			if !strings.HasPrefix(c.Area, c.Line) || !strings.HasSuffix(c.Area, "Z") {
				t.Errorf("the area is not below the line: %s", c.Area)
			}
		})
	}
}

func TestTimelinesForget(t *testing.T) {
	begin := time.Date(2027, 4, 12, 0, 0, 0, 0, time.UTC)
	var all Timelines
	for i := range 24 * 60 * 2 {
		all.Add("prog1", begin.Add(time.Duration(i)*sampleEvery), i)
		all.Add("prog1", begin.Add(time.Duration(i)*sampleEvery+time.Second), i) // too soon
	}
	if n := len(all.of("prog1")); n < 719 || n > 722 {
		t.Errorf("%d counts are remembered, want those of six hours", n)
	}
	all.keep(map[string]bool{"prog2": true})
	if n := len(all.of("prog1")); n != 0 {
		t.Errorf("%d counts of a course that is no more", n)
	}
}
