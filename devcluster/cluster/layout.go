// Package cluster starts and stops clusters. The command `up` prepares everything
// that can fail early and starts a daemon. The daemon runs the components until
// `down` stops it and removes the cluster's files.
package cluster

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// marker is an environment variable that every process of a cluster carries. Its
// value is the cluster's state directory. Down uses it to find processes that a
// crash left running.
const marker = "CARREL_DEVCLUSTER"

// validName matches names that are also valid for a node, a cgroup and a kubeconfig
// context.
var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,28}[a-z0-9])?$`)

// Layout names the files of a cluster's state.
type Layout struct {
	// Name is the cluster's name.
	Name string
	// Root is the state directory. `up` creates it, and `down` removes it.
	Root string
}

// NewLayout returns the layout of the cluster called name. It returns an error if
// the name is invalid.
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

// Lock returns the path of the lock file. `up` holds the lock, then the daemon. The
// file lies beside the state directory, so that the directory can be removed while
// the lock is held.
func (l Layout) Lock() string { return l.Root + ".lock" }

// Kubeconfig returns the path of the administrator's kubeconfig.
func (l Layout) Kubeconfig() string { return l.path("kubeconfig") }

// Logs returns the directory of the log files, one for each component and one for
// the daemon.
func (l Layout) Logs() string { return l.path("logs") }

func (l Layout) path(elements ...string) string {
	return filepath.Join(append([]string{l.Root}, elements...)...)
}

func (l Layout) node() string   { return l.path("node") }
func (l Layout) spec() string   { return l.path("spec.json") }
func (l Layout) record() string { return l.path("cluster.json") }

// exists reports whether the state directory exists, from a running cluster or
// after a crash.
func (l Layout) exists() bool {
	_, err := os.Stat(l.Root)
	return err == nil
}
