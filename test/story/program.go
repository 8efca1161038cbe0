package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Program is a command that plays acts on the devcluster.
type Program struct {
	// Name names the program's temporary directory.
	Name string
	// Inventory is the field of Devcluster.
	Inventory bool
	// Joins says that the program works with a cluster that is up, and leaves it up. The
	// other programs refuse such a cluster, bring up one of their own, and stop it.
	Joins bool
	// Acts returns the acts in their order. All of them use the stage.
	Acts func(*Stage) []Act
}

// Act is a part of a program.
type Act struct {
	Title string
	Do    func(context.Context) error
}

// Main runs a program in the repository of the current directory, and exits with 1 if it
// failed. SIGINT and SIGTERM cancel the context of the acts.
func Main(p Program) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	root, err := os.Getwd()
	if err == nil {
		err = p.run(ctx, root, os.Stdout, os.Stderr)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run plays the acts. Whatever was started is stopped after a failure too.
func (p Program) run(ctx context.Context, root string, out, progress io.Writer) (err error) {
	cluster := Devcluster{Root: root, Out: progress, Inventory: p.Inventory}
	switch up := cluster.Running(ctx); {
	case up && !p.Joins:
		return errors.New("a cluster is up already, and stays as it is: stop it with make demo-down")
	case !up && p.Joins:
		return errors.New("no demo is running: start it with make demo")
	}
	dir, err := os.MkdirTemp("", "carrel-"+p.Name+"-")
	if err != nil {
		return err
	}
	s := &Stage{Cluster: cluster, Dir: dir, Out: out, begin: time.Now()}
	defer func() { err = errors.Join(err, s.end(context.WithoutCancel(ctx)), os.RemoveAll(dir)) }()
	if !p.Joins {
		s.AtEnd(cluster.Down)
	}
	return s.play(ctx, p.Acts(s))
}

// play plays the acts until one fails, and prints the duration of each.
func (s *Stage) play(ctx context.Context, acts []Act) (err error) {
	var durations []string
	for i, act := range acts {
		_, _ = fmt.Fprintf(s.Out, "\n%d. %s\n", i+1, act.Title)
		begin := time.Now()
		if err = act.Do(ctx); err != nil {
			err = fmt.Errorf("%d. %s: %w", i+1, act.Title, err)
		}
		durations = append(durations, fmt.Sprintf("  %8s  %s\n", time.Since(begin).Round(time.Second), act.Title))
		if err != nil {
			break
		}
	}
	_, _ = fmt.Fprintf(s.Out, "\n%s%s  in all, on %s\n", strings.Join(durations, ""), fmt.Sprintf("  %8s", time.Since(s.begin).Round(time.Second)), machine())
	return err
}

// machine returns the number and the model of the processors.
func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, found := strings.Cut(line, ":"); found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores (%s)", runtime.NumCPU(), model)
}
