package timetable

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParsePeriod reads days ("30d", of 24 hours each) or hours ("12h"), at most 99999 of
// them, which is what the kinds admit.
func ParsePeriod(text string) (time.Duration, error) {
	unit := time.Hour
	number, days := strings.CutSuffix(text, "d")
	if days {
		unit = 24 * time.Hour
	} else {
		number = strings.TrimSuffix(text, "h")
	}
	count, err := strconv.ParseUint(number, 10, 17)
	if err != nil || number == text {
		return 0, fmt.Errorf("%q is no length of time: write days as 30d, hours as 12h", text)
	}
	return time.Duration(count) * unit, nil
}
