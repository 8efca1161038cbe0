package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// kubectl runs kubectl as the administrator, as a person at a shell would.
func (d *daemon) kubectl(ctx context.Context, arguments ...string) error {
	arguments = append([]string{"--kubeconfig=" + d.layout.Kubeconfig()}, arguments...)
	command := exec.CommandContext(ctx, filepath.Join(d.spec.Kubernetes, "kubectl"), arguments...)
	// By default kubectl stores its discovery cache in the user's home.
	command.Env = append(command.Environ(), "KUBECACHEDIR="+d.layout.path("kubectl-cache"))
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("kubectl %s: %w\n%s", strings.Join(arguments[1:], " "), err, stderr.String())
	}
	return nil
}
