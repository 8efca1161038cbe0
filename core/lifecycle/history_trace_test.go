package lifecycle_test

import (
	"fmt"
	"strings"
)

// tracef writes a line for people.
func (c *cluster) tracef(format string, args ...any) {
	if c.log != nil {
		fmt.Fprintf(c.log, format+"\n", args...)
	}
}

// trace writes what a pass changed.
func (c *cluster) trace(p pass) {
	if c.log == nil || !p.written && p.before == p.after {
		return
	}
	status, made := p.decision.Status, "no Deployment"
	if p.after != nil {
		made = fmt.Sprintf("replicas %d of %s", *p.after.Spec.Replicas, madeOf(p.after))
	}
	reason := ""
	if len(status.Conditions) > 0 {
		reason = status.Conditions[0].Reason
	}
	c.tracef("      %s %s: %s %s, %s; because %v; next %s",
		c.now.Format("02 15:04:05"), p.name, status.State, reason, made, p.decision.Because, p.decision.Next.Format("02 15:04:05"))
}

// told returns the history as sentences, with what the controller wrote after each,
// up to the end of its steps.
func (h history) told() string {
	c := newCluster(false)
	c.log = &strings.Builder{}
	h.playIn(c)
	story, end, _ := strings.Cut(c.log.String(), "All trouble ends.\n")
	if lines := strings.SplitAfter(end, "\n"); len(lines) > longestEnd {
		end = strings.Join(lines[:longestEnd], "") + "...\n"
	}
	return story + "All trouble ends.\n" + end
}

// longestEnd is how many lines of the end are shown.
const longestEnd = 12
