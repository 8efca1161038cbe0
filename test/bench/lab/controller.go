package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Controller is a running carrel-controller.
type Controller struct {
	command *exec.Cmd
	metrics string
	pprof   string
	ended   chan error
}

// Build builds carrel-controller into a directory and returns its path.
func Build(ctx context.Context, directory string) (string, error) {
	binary := filepath.Join(directory, "carrel-controller")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/carrel-controller")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the controller: %w", err)
	}
	return binary, nil
}

// Run starts a built controller against the control plane, with its output written
// to log. The controller runs until Stop is called.
func (p *ControlPlane) Run(binary string, log io.Writer, flags ...string) (*Controller, error) {
	metrics, err := freeAddress()
	if err != nil {
		return nil, err
	}
	pprof, err := freeAddress()
	if err != nil {
		return nil, err
	}
	flags = append([]string{"--leader-elect=false", "--health-probe-bind-address=0",
		"--metrics-bind-address=" + metrics, "--pprof-bind-address=" + pprof}, flags...)
	c := &Controller{command: exec.Command(binary, flags...), metrics: metrics, pprof: pprof, ended: make(chan error, 1)}
	c.command.Env = append(os.Environ(), "KUBECONFIG="+p.controllerKubeconfig())
	c.command.Stdout, c.command.Stderr = log, log
	if err := c.command.Start(); err != nil {
		return nil, fmt.Errorf("start the controller: %w", err)
	}
	go func() { c.ended <- c.command.Wait() }()
	return c, nil
}

// Stop sends SIGTERM to the controller and waits until it has ended.
func (c *Controller) Stop() error {
	if err := c.command.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the controller: %w", err)
	}
	return <-c.ended
}

// PID returns the ID of the controller's process.
func (c *Controller) PID() int { return c.command.Process.Pid }

// Metrics returns the controller's present metrics.
func (c *Controller) Metrics(ctx context.Context) (m Metrics, err error) {
	err = get(ctx, http.DefaultClient, "http://"+c.metrics+"/metrics", func(body io.Reader) error {
		m, err = parse(body)
		return err
	})
	return m, err
}

// Profile writes a profile of net/http/pprof to a file, such as "allocs" or
// "profile?seconds=5".
func (c *Controller) Profile(ctx context.Context, name, file string) error {
	return profile(ctx, http.DefaultClient, "http://"+c.pprof, name, file)
}

func profile(ctx context.Context, by *http.Client, host, name, file string) error {
	return get(ctx, by, host+"/debug/pprof/"+name, func(body io.Reader) error {
		out, err := os.Create(file)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, body)
		return errors.Join(err, out.Close())
	})
}

func get(ctx context.Context, by *http.Client, url string, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := by.Do(request)
	if err != nil {
		return fmt.Errorf("get %s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("get %s: %s", url, response.Status)
	}
	return read(response.Body)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}
