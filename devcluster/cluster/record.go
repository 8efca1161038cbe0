package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/carrel-dev/carrel/devcluster/forge"
	"github.com/carrel-dev/carrel/devcluster/network"
)

// Size is how much of a cluster there is.
type Size string

// The sizes of a cluster.
const (
	// ControlPlane is an API server with its controllers. It needs no root.
	ControlPlane Size = "control-plane"
	// FullNode adds a node that runs pods, Flux and a forge.
	FullNode Size = "node"
)

// Spec is what `up` tells the daemon.
type Spec struct {
	Name string `json:"name"`
	Size Size   `json:"size"`
	// Network is what the cluster's addresses are taken from.
	Network network.Plan `json:"network"`
	// Kubernetes and Gitea are the directories of those programs.
	Kubernetes string `json:"kubernetes"`
	Gitea      string `json:"gitea,omitempty"`
	// Images are archives to load into the node.
	Images []string `json:"images,omitempty"`
	// Addons is a file of manifests to apply.
	Addons string `json:"addons,omitempty"`
}

// Record is what the daemon tells everybody else.
type Record struct {
	Name    string        `json:"name"`
	Size    Size          `json:"size"`
	Ready   bool          `json:"ready"`
	Failure string        `json:"failure,omitempty"`
	API     string        `json:"api,omitempty"`
	Forge   *forge.Access `json:"forge,omitempty"`
	// Ingress is host and port on loopback that lead into the cluster.
	Ingress string `json:"ingress,omitempty"`
	// Node is the process whose namespaces are the node's.
	Node       int         `json:"node,omitempty"`
	Started    time.Time   `json:"started"`
	Components []Component `json:"components"`
}

// Component is one process of the cluster.
type Component struct {
	Name  string `json:"name"`
	PID   int    `json:"pid"`
	Log   string `json:"log"`
	Ended string `json:"ended,omitempty"`
}

// readJSON reads what writeJSON wrote.
func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// writeJSON replaces the file at path whole: somebody may be reading it.
func writeJSON(path string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.WriteFile(path+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
