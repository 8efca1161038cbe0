package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// kwokVariable names the environment variable with the path of kwok, which
// simulates kubelets.
const kwokVariable = "CARREL_KWOK"

// Pods starts Kubernetes' Deployment and ReplicaSet controllers, which create the
// pods, and kwok, which makes the pods run. They write their output to log and run
// until stop is called. Nothing binds claims or schedules pods.
func (p *ControlPlane) Pods(ctx context.Context, log io.Writer) (stop func() error, err error) {
	kwok := os.Getenv(kwokVariable)
	if kwok == "" {
		return nil, fmt.Errorf("%s is not set: docs/performance.md says how to build kwok", kwokVariable)
	}
	c, err := p.Client()
	if err != nil {
		return nil, err
	}
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: Node}}
	if err := c.Create(ctx, node); err != nil {
		return nil, fmt.Errorf("create the node: %w", err)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	programs := []*exec.Cmd{
		exec.Command(filepath.Join(os.Getenv(apiserver.AssetsVariable), "kube-controller-manager"),
			"--kubeconfig="+p.Kubeconfig, "--controllers=deployment-controller,replicaset-controller", "--leader-elect=false",
			"--kube-api-qps=1000", "--kube-api-burst=1000", "--bind-address=127.0.0.1", "--secure-port="+port, "--cert-dir="+p.directory),
		exec.Command(kwok, "--kubeconfig="+p.Kubeconfig, "--manage-all-nodes", "--config="+filepath.Join("test", "bench", "lab", "stages.yaml")),
	}
	for _, program := range programs {
		program.Stdout, program.Stderr = log, log
	}
	return startAll(programs)
}

func startAll(programs []*exec.Cmd) (stop func() error, err error) {
	started := 0
	stop = func() error {
		var errs []error
		for _, program := range programs[:started] {
			errs = append(errs, program.Process.Signal(syscall.SIGTERM))
			// Wait returns an error because the program was killed.
			_ = program.Wait()
		}
		return errors.Join(errs...)
	}
	for _, program := range programs {
		if err := program.Start(); err != nil {
			return nil, errors.Join(fmt.Errorf("start %s: %w", program.Path, err), stop())
		}
		started++
	}
	return stop, nil
}
