package lab

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// Metrics holds samples in the order of the response.
type Metrics []sample

type sample struct {
	name, labels string
	value        float64
}

// parse reads Prometheus' text format.
func parse(text io.Reader) (Metrics, error) {
	var m Metrics
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			return nil, fmt.Errorf("metric %q has no number: %w", line, err)
		}
		name, labels, _ := strings.Cut(line[:at], "{")
		m = append(m, sample{name, labels, value})
	}
	return m, lines.Err()
}

// Sum returns the sum of the samples called name that have all the labels. A label
// is written as in the text format: method="GET".
func (m Metrics) Sum(name string, labels ...string) float64 {
	var sum float64
	for _, s := range m {
		if s.name == name && s.has(labels) {
			sum += s.value
		}
	}
	return sum
}

func (s sample) has(labels []string) bool {
	for _, label := range labels {
		if !strings.Contains(s.labels, label) {
			return false
		}
	}
	return true
}

// Requests returns the number of requests so far: writes, which may change
// something, and reads.
func (m Metrics) Requests() (writes, reads int) {
	const name = "rest_client_requests_total"
	reads = int(m.Sum(name, `method="GET"`))
	return int(m.Sum(name)) - reads, reads
}

// Reconciles returns the number of reconciles of a controller so far.
func (m Metrics) Reconciles(controller string) int {
	return int(m.Sum("controller_runtime_reconcile_total", fmt.Sprintf("controller=%q", controller)))
}

// HeapInUse returns the size of the Go heap in use, in MiB.
func (m Metrics) HeapInUse() float64 { return m.Sum("go_memstats_heap_inuse_bytes") / mebi }

const mebi = 1 << 20

// RSS returns the present and the peak resident memory of a process, in MiB.
func RSS(pid int) (now, peak float64, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory of the controller: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "VmRSS:":
			now, err = strconv.ParseFloat(fields[1], 64)
		case "VmHWM:":
			peak, err = strconv.ParseFloat(fields[1], 64)
		}
		if err != nil {
			return 0, 0, fmt.Errorf("read the memory of the controller: %w", err)
		}
	}
	return now / 1024, peak / 1024, nil
}
