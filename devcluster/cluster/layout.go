// Package cluster brings clusters up and down. The command `up` prepares what
// can fail early and starts a daemon; the daemon runs the components and stays;
// `down` ends the daemon and removes what is left.
package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// marker is the environment variable that every process of a cluster bears; its
// value is the cluster's state directory. It finds what a crash left running.
const marker = "CARREL_DEVCLUSTER"

// validName also fits a node's name, a cgroup's and a kubeconfig context's.
var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$`)

// Layout is where a cluster keeps its state.
type Layout struct {
	// Name of the cluster.
	Name string
	// Root is the state directory, which exists from up to down.
	Root string
}

// NewLayout is the layout of the cluster called name.
func NewLayout(name string) (Layout, error) {
	if !validName.MatchString(name) {
		return Layout{}, fmt.Errorf("cluster name %q: use up to 30 lower-case letters, digits and dashes, beginning with a letter", name)
	}
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return Layout{}, fmt.Errorf("find a directory for the cluster's state: %w; set XDG_STATE_HOME", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	root, err := filepath.Abs(filepath.Join(base, "carrel", name))
	return Layout{Name: name, Root: root}, err
}

// Lock is held by whoever is at work on the cluster: `up`, then the daemon. It
// lies beside the state directory, so that removing that can be done under it.
func (l Layout) Lock() string { return l.Root + ".lock" }

// Kubeconfig is the administrator's.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

// Logs holds one file for each component, and the daemon's.
func (l Layout) Logs() string { return l.path("logs") }

func (l Layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Root}, elements...)...)
}

func (l Layout) node() string   { return l.path("node") }
func (l Layout) spec() string   { return l.path("spec.json") }
func (l Layout) record() string { return l.path("cluster.json") }

// exists tells whether there is state, of a running cluster or of a crash.
func (l Layout) exists() bool {
	_, err := os.Stat(l.Root)
	return err == nil
}
