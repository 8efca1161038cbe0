package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// measures are what several runs of one thing took.
type measures struct{ clock, processor []time.Duration }

// take measures a run, with the processes it starts.
func (m *measures) take(do func() error) error {
	began, used := time.Now(), processor()
	if err := do(); err != nil {
		return err
	}
	m.clock, m.processor = append(m.clock, time.Since(began)), append(m.processor, processor()-used)
	return nil
}

// print tells medians, and how they compare with another's.
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

// processor is what this process, and those it waited for, have used.
func processor() (sum time.Duration) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var usage syscall.Rusage
		if syscall.Getrusage(who, &usage) == nil {
			sum += time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
		}
	}
	return sum
}

// load is how busy the machine is besides.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "not known"
	}
	first, _, _ := strings.Cut(string(data), " ")
	return first
}
