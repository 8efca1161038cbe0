package progress

import (
	"fmt"
	"time"
)

// Estimate tells when a list of steps will be done. It knows the processor time
// that each takes on a machine like the one it was measured on, and corrects it
// by the speed seen so far.
type Estimate struct {
	weights map[string]time.Duration
	done    map[string]float64
}

// trusted is how much time of the machine that was measured on counts as seen
// before anything is: a few seconds of a start say nothing about the whole.
const trusted = time.Minute

// processors is how many processors that machine has.
const processors = 2

// NewEstimate returns an estimate for steps with the processor time given for
// each. Steps that it does not know, it leaves out.
func NewEstimate(weights map[string]time.Duration) *Estimate {
	return &Estimate{weights: weights, done: map[string]float64{}}
}

// Observe takes note of an event.
func (e *Estimate) Observe(event Event) {
	if _, known := e.weights[event.Step]; !known {
		return
	}
	switch event.State {
	case Moving:
		e.done[event.Step] = max(e.done[event.Step], event.Fraction)
	case Done:
		e.done[event.Step] = 1
	}
}

// Left returns how long the rest will take, if the steps have taken elapsed so
// far, and whether there is a rest.
func (e *Estimate) Left(elapsed time.Duration) (time.Duration, bool) {
	var all, done time.Duration
	for step, weight := range e.weights {
		all += weight
		done += time.Duration(e.done[step] * float64(weight))
	}
	if done >= all {
		return 0, false
	}
	speed := float64(done+processors*trusted) / float64(elapsed+trusted)
	return time.Duration(float64(all-done) / speed), true
}

// inWords rounds a time to what an estimate is worth.
func inWords(left time.Duration) string {
	if left < 90*time.Second {
		return fmt.Sprintf("about %d s left", (int(left.Seconds())/10+1)*10)
	}
	return fmt.Sprintf("about %d min left", int(left.Round(time.Minute).Minutes()))
}
