package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// quietInterval is how often an unfinished step is mentioned where lines can't
// be overwritten (a log, CI): often enough to show life, seldom enough to read.
const quietInterval = 15 * time.Second

// Printer writes events as lines: one for each finished step and, between
// those, how far the running ones are. On a terminal the running step has a
// line of its own that is overwritten.
type Printer struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	said     map[string]time.Duration
}

// NewPrinter prints to out, overwriting lines only if out is a terminal.
func NewPrinter(out *os.File) *Printer {
	info, err := out.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return &Printer{out: out, terminal: terminal, said: map[string]time.Duration{}}
}

// Print is the printer's Sink.
func (p *Printer) Print(event Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	line := Line(event)
	switch event.State {
	case Done, Failed:
		delete(p.said, event.Step)
		p.overwrite(line + "\n")
	case Begun:
		if p.terminal {
			p.overwrite(line)
		}
	case Moving:
		if p.terminal {
			p.overwrite(line)
		} else if event.Elapsed-p.said[event.Step] >= quietInterval {
			p.said[event.Step] = event.Elapsed
			fmt.Fprintln(p.out, line)
		}
	}
}

// overwrite replaces what the terminal's last line holds.
func (p *Printer) overwrite(text string) {
	if p.terminal {
		text = "\r\x1b[K" + text
	}
	fmt.Fprint(p.out, text)
}

// Line is how an event reads.
func Line(event Event) string {
	switch event.State {
	case Done:
		return fmt.Sprintf("✓ %-32s %s", event.Step, seconds(event.Elapsed))
	case Failed:
		// The whole of it, with the end of a log, is the command's last word.
		cause, _, _ := strings.Cut(event.Detail, "\n")
		return fmt.Sprintf("✗ %-32s %s  %s", event.Step, seconds(event.Elapsed), cause)
	case Moving:
		return fmt.Sprintf("· %-32s %s  %s", event.Step, seconds(event.Elapsed), event.Detail)
	default:
		return fmt.Sprintf("· %s", event.Step)
	}
}

func seconds(d time.Duration) string {
	return fmt.Sprintf("%6.1fs", d.Seconds())
}
