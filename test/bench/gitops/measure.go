package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measures holds the times of several runs of one task.
type measures struct{ clock, processor []time.Duration }

// take measures one run, including the processes that it starts.
func (m *measures) take(do func() error) error {
	began, used := time.Now(), processor()
	if err := do(); err != nil {
		return err
	}
	m.clock, m.processor = append(m.clock, time.Since(began)), append(m.processor, processor()-used)
	return nil
}

// print prints medians, and their ratio to those of with.
func (m *measures) print(name string, with *measures) {
	fmt.Printf("%-34s %9s on the clock, %9s of processor", name, round(median(m.clock)), round(median(m.processor)))
	if with != nil {
		fmt.Printf("  (%.2f x, %.2f x)", median(m.clock).Seconds()/median(with.clock).Seconds(), median(m.processor).Seconds()/median(with.processor).Seconds())
	}
	fmt.Println()
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func median(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// processor returns the processor time of this process and of the children it
// waited for.
func processor() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return sum
}

// load returns the machine's load average over one minute.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
