package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/carrel-dev/carrel/devcluster/forge"
	"github.com/carrel-dev/carrel/devcluster/network"
)

// Size selects the components of a cluster.
type Size string

const (
	// ControlPlane consists of an API server and its controllers. It does not need
	// root.
	ControlPlane Size = "control-plane"
	// FullNode adds a node that runs pods, Flux and a forge.
	FullNode Size = "node"
)

// Spec is the configuration that `up` passes to the daemon.
type Spec struct {
	Name string `json:"name"`
	Size Size   `json:"size"`
	// Network holds the address ranges of the cluster.
	Network network.Plan `json:"network"`
	// Kubernetes and Gitea are the directories of the built programs.
	Kubernetes string `json:"kubernetes"`
	Gitea      string `json:"gitea,omitempty"`
	// Images are the archives to load into the node before any pod runs. MoreImages
	// are loaded beside that; only the end of the start waits for them.
	Images     []string `json:"images,omitempty"`
	MoreImages []string `json:"moreImages,omitempty"`
	// Addons is the path of a manifest to apply.
	Addons string `json:"addons,omitempty"`
}

// Record is the state that the daemon publishes for other commands.
type Record struct {
	Name    string        `json:"name"`
	Size    Size          `json:"size"`
	Ready   bool          `json:"ready"`
	Failure string        `json:"failure,omitempty"`
	API     string        `json:"api,omitempty"`
	Forge   *forge.Access `json:"forge,omitempty"`
	// Ingress is the host and port on loopback that forward into the cluster.
	Ingress string `json:"ingress,omitempty"`
	// Node is the PID of the process that holds the node's namespaces; zero without
	// a node.
	Node int `json:"node,omitempty"`
	// Losses is how often etcd's data was lost, by LoseEtcd.
	Losses     int         `json:"losses,omitempty"`
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

// readJSON reads a file that writeJSON wrote.
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

// writeJSON replaces the file at path atomically, because another process may be
// reading it.
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
