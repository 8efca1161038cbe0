package progress

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// How often the steps that run are told.
const (
	// logInterval is for where lines stay (a log, CI): often enough to show life,
	// seldom enough to read.
	logInterval = 10 * time.Second
	// terminalInterval is for a line that is overwritten.
	terminalInterval = 500 * time.Millisecond
)

// Printer writes events as lines: one for each finished step and, between
// those, one with all steps that run and how far they are. On a terminal that
// one is overwritten.
type Printer struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	estimate *Estimate
	// running are the last events of the steps that run, in the order they began.
	running []Event
	// elapsed is how long the printer has been at work, and told when it last told
	// what runs.
	elapsed func() time.Duration
	told    time.Duration
}

// NewPrinter prints to out, overwriting lines only if out is a terminal. Without
// an estimate it does not say how long the steps will take.
func NewPrinter(out *os.File, estimate *Estimate) *Printer {
	info, err := out.Stat()
	begin := time.Now()
	printer := &Printer{
		out:      out,
		terminal: err == nil && info.Mode()&os.ModeCharDevice != 0,
		estimate: estimate,
		elapsed:  func() time.Duration { return time.Since(begin) },
	}
	go printer.keepTelling()
	return printer
}

// keepTelling tells what runs also while a long step sends no event. It ends
// with the program.
func (p *Printer) keepTelling() {
	for range time.Tick(logInterval) {
		p.mu.Lock()
		p.tell()
		p.mu.Unlock()
	}
}

// Print is the printer's Sink.
func (p *Printer) Print(event Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.estimate != nil {
		p.estimate.Observe(event)
	}
	p.running = slices.DeleteFunc(p.running, func(other Event) bool { return other.Step == event.Step && event.ended() })
	switch i := slices.IndexFunc(p.running, func(other Event) bool { return other.Step == event.Step }); {
	case event.ended():
		p.overwrite(ending(event) + "\n")
	case i < 0:
		p.running = append(p.running, event)
	default:
		p.running[i] = event
	}
	p.tell()
}

func (e Event) ended() bool { return e.State == Done || e.State == Failed }

// tell prints what runs, if the last time is long enough ago.
func (p *Printer) tell() {
	interval := logInterval
	if p.terminal {
		interval = terminalInterval
	}
	now := p.elapsed()
	if len(p.running) == 0 || now-p.told < interval {
		return
	}
	p.told = now
	line := "· " + clock(now) + "  " + p.doing(now)
	if !p.terminal {
		line += "\n"
	}
	p.overwrite(line)
}

// doing names the steps that run, how far they are, and how long it will take.
func (p *Printer) doing(now time.Duration) string {
	var parts []string
	for _, event := range p.running {
		part := event.Step
		if event.Detail != "" {
			part += ": " + event.Detail
		}
		parts = append(parts, part)
	}
	if p.estimate != nil {
		if left, rest := p.estimate.Left(now); rest {
			parts = append(parts, inWords(left))
		}
	}
	return strings.Join(parts, "; ")
}

// overwrite replaces what the terminal's last line holds.
func (p *Printer) overwrite(text string) {
	if p.terminal {
		text = "\r\x1b[K" + text
	}
	fmt.Fprint(p.out, text)
}

// ending is how the end of a step reads.
func ending(event Event) string {
	if event.State == Failed {
		// The whole of it, with the end of a log, is the command's last word.
		cause, _, _ := strings.Cut(event.Detail, "\n")
		return fmt.Sprintf("✗ %-32s %s  %s", event.Step, seconds(event.Elapsed), cause)
	}
	return fmt.Sprintf("✓ %-32s %s", event.Step, seconds(event.Elapsed))
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%6.1fs", d.Seconds())
}

// clock is a time since the beginning, as minutes and seconds.
func clock(d time.Duration) string {
	whole := int(d.Seconds())
	return fmt.Sprintf("%d:%02d", whole/60, whole%60)
}
