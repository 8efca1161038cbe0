package volume

import (
	"slices"
	"time"
)

// longestGap is the longest time without a controller that does not end a watch: a
// restart, the drain of a node, an upgrade of the API server. It is little of the day for
// which an announcement stands, so nobody loses the time to read it.
const longestGap = 15 * time.Minute

// A Moment is a point in time, as two clocks show it.
type Moment struct {
	// Ours is the time of the controller's machine.
	Ours time.Time
	// Theirs is the time of the API server, in whole seconds.
	Theirs time.Time
}

// ContinuesFrom reports whether a controller that starts at a moment continues the watch
// of one that ran until another moment. At each of the two moments one clock may be
// wrong, and nobody knows which. So all four times have to lie within longestGap of each
// other: one of the two of each moment is right, and the true gap is between these.
func (m Moment) ContinuesFrom(last Moment) bool {
	times := []time.Time{last.Ours, last.Theirs, m.Ours, m.Theirs}
	return slices.MaxFunc(times, time.Time.Compare).Sub(slices.MinFunc(times, time.Time.Compare)) <= longestGap
}

// HeldFrom reports whether one controller ran without a break from one moment to another.
// A process that was frozen did not. Both clocks have to show that the gap was short; a
// clock that was corrected by more than longestGap ends the watch, too.
func (m Moment) HeldFrom(last Moment) bool {
	return m.Ours.Sub(last.Ours).Abs() <= longestGap && m.Theirs.Sub(last.Theirs).Abs() <= longestGap
}
