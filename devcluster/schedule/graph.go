// Package schedule runs jobs that depend on each other side by side, but those
// that would only take the processors from one another in a line.
package schedule

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Job is a piece of work.
type Job struct {
	// Name of the job, unique in its graph.
	Name string
	// After names the jobs that must be done before.
	After []string
	// Line is where the job queues: one job of a line runs at a time. A job without
	// a line begins as soon as it can.
	Line string
	// Weight is the processor time the job takes where nothing is cached. Of the
	// jobs that can begin, the one with the heaviest chain behind it goes first.
	Weight time.Duration
}

// Graph decides which jobs run next. It does no work and reads no clock.
type Graph struct {
	jobs []Job
	// behind is the weight of the heaviest chain of jobs that begins with a job.
	behind map[string]time.Duration
	state  map[string]state
	// busy are the lines in which a job runs.
	busy map[string]bool
}

type state int

const (
	waiting state = iota
	running
	done
)

// NewGraph returns a graph of jobs. It refuses one that could not be run to its
// end.
func NewGraph(jobs []Job) (*Graph, error) {
	g := &Graph{jobs: slices.Clone(jobs), behind: map[string]time.Duration{}, state: map[string]state{}, busy: map[string]bool{}}
	for _, job := range jobs {
		if _, twice := g.state[job.Name]; twice {
			return nil, fmt.Errorf("two jobs are called %q", job.Name)
		}
		g.state[job.Name] = waiting
	}
	for _, job := range jobs {
		for _, before := range job.After {
			if _, known := g.state[before]; !known {
				return nil, fmt.Errorf("job %q comes after %q, which is none", job.Name, before)
			}
		}
	}
	for _, job := range jobs {
		if _, err := g.chain(job, nil); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(g.jobs, func(a, b Job) int { return cmp.Compare(g.behind[b.Name], g.behind[a.Name]) })
	return g, nil
}

// chain returns the weight of the heaviest chain that begins with job. The path
// holds the jobs on the way to it.
func (g *Graph) chain(job Job, path []string) (time.Duration, error) {
	if weight, known := g.behind[job.Name]; known {
		return weight, nil
	}
	if slices.Contains(path, job.Name) {
		return 0, fmt.Errorf("job %q waits for itself", job.Name)
	}
	var heaviest time.Duration
	for _, next := range g.jobs {
		if !slices.Contains(next.After, job.Name) {
			continue
		}
		weight, err := g.chain(next, append(path, job.Name))
		if err != nil {
			return 0, err
		}
		heaviest = max(heaviest, weight)
	}
	g.behind[job.Name] = job.Weight + heaviest
	return g.behind[job.Name], nil
}

// Start returns the jobs that begin now, and counts them as running.
func (g *Graph) Start() []Job {
	var begun []Job
	for _, job := range g.jobs {
		if g.state[job.Name] == waiting && !g.busy[job.Line] && g.allDone(job.After) {
			g.state[job.Name] = running
			g.busy[job.Line] = job.Line != ""
			begun = append(begun, job)
		}
	}
	return begun
}

// Done counts a running job as done.
func (g *Graph) Done(job Job) {
	g.state[job.Name] = done
	g.busy[job.Line] = false
}

// Finished reports whether every job is done.
func (g *Graph) Finished() bool {
	for _, state := range g.state {
		if state != done {
			return false
		}
	}
	return true
}

func (g *Graph) allDone(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return g.state[name] != done })
}
