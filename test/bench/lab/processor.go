package lab

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of /proc/PID/stat, which Linux fixes at 1/100 s.
const clockTick = 10 * time.Millisecond

// ProcessorTime is what this process and its children that still run, the
// control plane and the controller, have had of the processors so far. On a
// machine that does other things as well it says more than the time on the clock.
func ProcessorTime() (time.Duration, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			// It ended meanwhile.
			continue
		}
		used, err := ofOurs(string(data))
		if err != nil {
			return 0, fmt.Errorf("read %s: %w", path, err)
		}
		sum += used
	}
	return sum, nil
}

// ofOurs reads one line of stat; 0 for the processes of others.
func ofOurs(stat string) (time.Duration, error) {
	// The name, in parentheses, may hold anything. After it come the state, the
	// parent, nine other fields, and the times of the process and of the system.
	pid, _, _ := strings.Cut(stat, " ")
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if self := strconv.Itoa(os.Getpid()); len(fields) < 13 || pid != self && fields[1] != self {
		return 0, nil
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
