package volume

import (
	"testing"
	"time"
)

func TestWatchOverAGap(t *testing.T) {
	start := time.Date(2026, 10, 1, 9, 0, 0, 0, time.UTC)
	moment := func(ours, theirs time.Duration) Moment {
		return Moment{Ours: start.Add(ours), Theirs: start.Add(theirs)}
	}
	const days = 24 * time.Hour
	for _, test := range []struct {
		name      string
		last, now Moment
		// continues is about another process, held about the same one.
		continues, held bool
	}{
		{"a restart", moment(0, 0), moment(time.Minute, time.Minute), true, true},
		{"a quarter of an hour", moment(0, 0), moment(15*time.Minute, 15*time.Minute), true, true},
		{"longer", moment(0, 0), moment(15*time.Minute+time.Second, 15*time.Minute+time.Second), false, false},
		{"an outage, and the controller's clock was ahead before it", moment(10*days, 0), moment(10*days, 10*days), false, false},
		{"an outage, and the controller's clock is behind after it", moment(0, 0), moment(0, 10*days), false, false},
		{"an outage, and the API server's clock was ahead before it", moment(0, 10*days), moment(10*days, 10*days), false, false},
		{"an outage, and the API server's clock is behind after it", moment(0, 0), moment(10*days, 0), false, false},
		{"an outage, and one clock is wrong before it, the other one after it", moment(10*days, 0), moment(10*days, 0), false, true},
		{"a restart while a clock is wrong", moment(10*days, 0), moment(10*days+time.Minute, time.Minute), false, true},
		{"a clock is corrected", moment(10*days, 0), moment(time.Minute, time.Minute), false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.now.ContinuesFrom(test.last); got != test.continues {
				t.Errorf("another controller continues the watch: %t, want %t", got, test.continues)
			}
			if got := test.now.HeldFrom(test.last); got != test.held {
				t.Errorf("the same controller held the watch: %t, want %t", got, test.held)
			}
		})
	}
}
