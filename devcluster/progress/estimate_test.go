package progress

import (
	"testing"
	"time"
)

func TestEstimate(t *testing.T) {
	tests := map[string]struct {
		events  []Event
		elapsed time.Duration
		want    string
	}{
		"nothing seen yet: as measured, on two processors": {
			want: "about 10 min left",
		},
		"as fast as the machine measured on": {
			events:  []Event{{Step: "compile", State: Moving, Fraction: 0.5}},
			elapsed: 4 * time.Minute,
			want:    "about 6 min left",
		},
		"half as fast": {
			events:  []Event{{Step: "compile", State: Moving, Fraction: 0.5}},
			elapsed: 9 * time.Minute,
			want:    "about 12 min left",
		},
		"a step that is done counts whole": {
			events:  []Event{{Step: "compile", State: Done}},
			elapsed: 8 * time.Minute,
			want:    "about 2 min left",
		},
		"steps without a weight count nothing": {
			events: []Event{{Step: "start node", State: Done}},
			want:   "about 10 min left",
		},
		"near the end in seconds": {
			events:  []Event{{Step: "compile", State: Done}, {Step: "image", State: Moving, Fraction: 0.75}},
			elapsed: 9*time.Minute + 30*time.Second,
			want:    "about 40 s left",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			estimate := NewEstimate(map[string]time.Duration{"compile": 16 * time.Minute, "image": 4 * time.Minute})
			for _, event := range test.events {
				estimate.Observe(event)
			}
			left, rest := estimate.Left(test.elapsed)
			if got := inWords(left); !rest || got != test.want {
				t.Errorf("after %s: %s (rest: %t), want %s", test.elapsed, got, rest, test.want)
			}
		})
	}
}

func TestAnEstimateEnds(t *testing.T) {
	estimate := NewEstimate(map[string]time.Duration{"compile": time.Minute})
	estimate.Observe(Event{Step: "compile", State: Done})
	if left, rest := estimate.Left(time.Minute); rest {
		t.Errorf("%s are left although every step is done", left)
	}
}
