package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// drill holds the state of one run.
type drill struct {
	cluster story.Devcluster
	// dir is the directory with everything that outlives the loss: the clone of the
	// repository, the Secrets, and the inventories.
	dir   string
	out   io.Writer
	begin time.Time
	acts  int

	client     client.Client
	kubeconfig string
	// path is the value of PATH, in which kubectl and carrel are found.
	path    string
	forge   *story.Forge
	gateway story.Gateway

	students []*student
	dropped  kept
	reset    kept
	// meanwhile is the text that a student wrote between the loss and the restore.
	meanwhile string
	// rebuilt holds the durations of the rebuilds, in their order.
	rebuilt []rebuilt
	started time.Time
}

// rebuilt holds the duration of the command that rebuilds, and the time from its start
// until everybody had their work.
type rebuilt struct{ command, all time.Duration }

func (d *drill) heading(title string) {
	d.acts++
	_, _ = fmt.Fprintf(d.out, "\n%d. %s\n", d.acts, title)
}

// say prints a line with the time since the drill began.
func (d *drill) say(format string, args ...any) {
	_, _ = fmt.Fprintf(d.out, "  %6.1fs  %s\n", time.Since(d.begin).Seconds(), fmt.Sprintf(format, args...))
}

func (d *drill) file(elements ...string) string {
	return filepath.Join(append([]string{d.dir}, elements...)...)
}

// Paths of files and directories. The storage is the directory on the node's disk that
// contains a directory for each volume.
func (d *drill) repository() string  { return d.file("repository") }
func (d *drill) secrets() string     { return d.file("secrets.yaml") }
func (d *drill) inventories() string { return d.file("inventory") }
func (d *drill) storage() string {
	return filepath.Join(filepath.Dir(d.kubeconfig), "node", "volumes")
}

// follow waits for milestones, and prints them as they are reached.
func (d *drill) follow(ctx context.Context, milestones ...story.Milestone) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return story.Follow(ctx, time.Now(), milestones, func(e story.Event) {
		if e.Waiting {
			d.say("waiting for %s; instead: %s", e.Name, e.Detail)
		} else {
			d.say("%-36s %s", e.Name, e.Detail)
		}
	})
}

// commandWithin bounds each command.
const commandWithin = 10 * time.Minute

// command runs a program as the maintainer does, with kubectl and carrel in PATH, and
// returns what it prints to standard output.
func (d *drill) command(ctx context.Context, arguments ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	// The program env looks up the program in this PATH; exec would use that of the drill.
	cmd := exec.CommandContext(ctx, "env", append([]string{"PATH=" + d.path, "KUBECONFIG=" + d.kubeconfig}, arguments...)...)
	cmd.Dir = d.repository()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(arguments, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// show runs a program as command does, and prints the command line and the output.
func (d *drill) show(ctx context.Context, arguments ...string) error {
	line := strings.ReplaceAll(strings.Join(arguments, " "), d.dir, "~")
	_, _ = fmt.Fprintf(d.out, "\n      $ %s\n", strings.ReplaceAll(line, filepath.Dir(d.storage()), "/var/lib/node"))
	text, err := d.command(ctx, arguments...)
	for line := range strings.Lines(text) {
		_, _ = fmt.Fprintf(d.out, "      %s", line)
	}
	_, _ = fmt.Fprintln(d.out)
	return err
}

func (d *drill) summary() error {
	d.heading("The time")
	for i, order := range []string{"volumes first", "carrels first"} {
		_, _ = fmt.Fprintf(d.out, "  %s: the command took %.0f s; after %.0f s everybody had their work\n",
			order, d.rebuilt[i].command.Seconds(), d.rebuilt[i].all.Seconds())
	}
	_, _ = fmt.Fprintf(d.out, "  The drill took %s, with %d students on %s.\n", time.Since(d.begin).Round(time.Second), len(d.students), machine())
	return nil
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
