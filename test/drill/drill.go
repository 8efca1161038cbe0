package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/story"
)

// drill holds the state of one run.
type drill struct {
	// Stage has the directory with everything that outlives the loss: the clone of the
	// repository, the Secrets, and the inventories.
	*story.Stage

	client     client.Client
	kubeconfig string
	// path is the value of PATH, in which kubectl and carrel are found.
	path    string
	forge   *story.Forge
	gateway story.Gateway
	// repository is the clone that the maintainer works in.
	repository story.Repository

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

// Paths of files and directories. The storage is the directory on the node's disk that
// contains a directory for each volume.
func (d *drill) secrets() string     { return d.File("secrets.yaml") }
func (d *drill) inventories() string { return d.File("inventory") }
func (d *drill) storage() string {
	return filepath.Join(filepath.Dir(d.kubeconfig), "node", "volumes")
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
	cmd.Dir = d.repository.Dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(arguments, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// show runs a program as command does, and prints the command line and the output.
func (d *drill) show(ctx context.Context, arguments ...string) error {
	line := strings.ReplaceAll(strings.Join(arguments, " "), d.Dir, "~")
	_, _ = fmt.Fprintf(d.Out, "\n      $ %s\n", strings.ReplaceAll(line, filepath.Dir(d.storage()), "/var/lib/node"))
	text, err := d.command(ctx, arguments...)
	for line := range strings.Lines(text) {
		_, _ = fmt.Fprintf(d.Out, "      %s", line)
	}
	_, _ = fmt.Fprintln(d.Out)
	return err
}

// summary prints the durations of the rebuilds.
func (d *drill) summary(context.Context) error {
	for i, order := range []string{"volumes first", "carrels first"} {
		_, _ = fmt.Fprintf(d.Out, "  %s: the command took %.0f s; after %.0f s everybody had their work\n",
			order, d.rebuilt[i].command.Seconds(), d.rebuilt[i].all.Seconds())
	}
	return nil
}
