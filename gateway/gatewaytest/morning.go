package gatewaytest

import (
	"math"
	"time"
)

// Morning calls add with the number of Class's carrels that ran in each minute of the last
// hours: few at first, then nearly all from ten minutes before the lab.
func Morning(now time.Time, add func(at time.Time, running int)) {
	for back := 5 * time.Hour; back > 0; back -= time.Minute {
		before := back.Minutes()
		early := 18 + 10*math.Sin(before/17)
		lab := 205 / (1 + math.Exp((before-41)/2.5))
		last := 160 * math.Exp(-math.Pow((before-190)/42, 4))
		add(now.Add(-back), int(early+lab+last))
	}
}
