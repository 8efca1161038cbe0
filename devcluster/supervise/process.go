package supervise

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// Process is one component that was started.
type Process struct {
	Name string
	PID  int
	Log  string

	ended  chan struct{}
	reason string
}

// probeInterval is how often readiness is asked for: local probes are cheap and
// every wait adds to the time a person sits before `up`.
const probeInterval = 50 * time.Millisecond

// tailLines of a log are shown when a component dies: more scrolls the cause away.
const tailLines = 12

// Ended is how the process ended, or "" while it runs.
func (p *Process) Ended() string {
	select {
	case <-p.ended:
		return p.reason
	default:
		return ""
	}
}

// WaitReady asks probe until it answers nil or the context ends.
func WaitReady(ctx context.Context, probe func(context.Context) error) error {
	for {
		err := probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last answer: %w)", context.Cause(ctx), err)
		case <-time.After(probeInterval):
		}
	}
}

// Tail is the end of a log, for an error message.
func Tail(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(bytes.TrimSpace(data)), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return "  " + strings.Join(lines, "\n  ") + "\n  (all of it: " + path + ")"
}

func (p *Process) end(state *os.ProcessState, err error) {
	p.reason = fmt.Sprintf("%s at %s", state, time.Now().UTC().Format(time.RFC3339))
	if state == nil {
		p.reason = err.Error()
	}
	close(p.ended)
}

// kill signals the whole group; a group that is gone already is what we want.
func (p *Process) kill() {
	if p.Ended() == "" {
		_ = syscall.Kill(-p.PID, syscall.SIGKILL)
	}
}
