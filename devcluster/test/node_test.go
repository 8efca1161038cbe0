//go:build node

package test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// clusterName is not the default's, so that a developer's own control plane may
// be up meanwhile.
const (
	clusterName = "nodetest"
	named       = "--name=" + clusterName
)

// devcluster is the command under test and the directory its clusters' state
// lies in.
type devcluster struct {
	binary, state string
}

func build(t *testing.T) devcluster {
	t.Helper()
	directory := t.TempDir()
	d := devcluster{binary: filepath.Join(directory, "devcluster"), state: directory}
	run(t, "go", "build", "-o", d.binary, "..")
	return d
}

func (d devcluster) command(arguments ...string) *exec.Cmd {
	command := exec.Command(d.binary, arguments...)
	command.Env = append(os.Environ(), "XDG_STATE_HOME="+d.state)
	return command
}

func (d devcluster) try(arguments ...string) (string, error) {
	out, err := d.command(arguments...).CombinedOutput()
	return string(out), err
}

func (d devcluster) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := d.try(arguments...)
	if err != nil {
		t.Fatalf("devcluster %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// up brings a full node up and has it down when the test ends.
func (d devcluster) up(t *testing.T) {
	t.Helper()
	t.Cleanup(func() { d.must(t, "down", named) })
	t.Log(d.must(t, "up", named))
}

func (d devcluster) kubectl(t *testing.T, stdin string, arguments ...string) string {
	t.Helper()
	assets := strings.TrimSpace(d.must(t, "assets"))
	command := exec.Command(filepath.Join(assets, "kubectl"), arguments...)
	command.Env = append(os.Environ(), "KUBECONFIG="+strings.TrimSpace(d.must(t, "kubeconfig", named)))
	command.Stdin = strings.NewReader(stdin)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// daemon is the process that runs the cluster.
func (d devcluster) daemon(t *testing.T) int {
	t.Helper()
	pid, err := strconv.Atoi(readLines(t, filepath.Join(d.state, "carrel", clusterName+".lock"))[0])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// page is a pod with a volume that serves what it wrote there, and a Service.
const page = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: page}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: page, labels: {app: page}}
spec:
  securityContext: {runAsUser: 1000}
  containers:
  - name: page
    image: carrel.local/busybox:1.35
    command: [sh, -c, "echo welcome > /data/index.html; echo serving; exec httpd -f -p 8080 -h /data"]
    readinessProbe: {httpGet: {port: 8080, path: /}, periodSeconds: 1}
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: page}}]
---
apiVersion: v1
kind: Service
metadata: {name: page}
spec: {selector: {app: page}, ports: [{port: 80, targetPort: 8080}]}
`

func TestANodeRunsPodsAndLeavesNothing(t *testing.T) {
	d := build(t)
	mustStayClean(t, d.state)
	d.up(t)
	d.kubectl(t, page, "apply", "--filename=-")
	d.kubectl(t, "", "wait", "--for=condition=Ready", "pod/page", "--timeout=2m")

	for what, path := range map[string]string{"pod": "{.status.podIP}", "Service": "{.spec.clusterIP}"} {
		kind, port := "pod/page", ":8080"
		if what == "Service" {
			kind, port = "service/page", ""
		}
		address := d.kubectl(t, "", "get", kind, "--output=jsonpath="+path)
		if got := get(t, "http://"+address+port+"/"); got != "welcome\n" {
			t.Errorf("from this machine the %s answers %q", what, got)
		}
	}
	inPod := func(script string) string {
		return d.kubectl(t, "", "exec", "page", "--", "sh", "-c", script)
	}
	if got := inPod("wget -qO- http://page.default.svc/"); got != "welcome\n" {
		t.Errorf("by its name in the cluster the Service answers %q", got)
	}
	if got := inPod("nc -w 5 kubernetes.default.svc 443 < /dev/null && echo open"); got != "open\n" {
		t.Errorf("a pod reaches the API server: %q", got)
	}
	var forge struct {
		ClusterURL string `json:"cluster_url"`
		Token      string `json:"token"`
	}
	if err := json.Unmarshal([]byte(d.must(t, "forge", named)), &forge); err != nil || forge.Token == "" {
		t.Errorf("the forge's access is %+v (%v)", forge, err)
	}
	if got := inPod("wget -qO- " + forge.ClusterURL + "/api/healthz"); !strings.Contains(got, `"status": "pass"`) {
		t.Errorf("a pod asks the forge how it is and gets %q", got)
	}
	if got := d.kubectl(t, "", "logs", "page"); got != "serving\n" {
		t.Errorf("the pod's log reads %q", got)
	}
}

func TestTwoClustersOnOneMachine(t *testing.T) {
	d := build(t)
	mustStayClean(t, d.state)
	d.up(t)
	if out := d.must(t, "up", named); !strings.Contains(out, "is running already") {
		t.Errorf("a second up said %q", out)
	}
	out, err := d.try("up", "--name", "second")
	if err == nil || !strings.Contains(out, "devcluster down --name "+clusterName) {
		t.Errorf("a second node was not refused with a cure (%v):\n%s", err, out)
	}
	t.Cleanup(func() { d.must(t, "down", "--name", "second") })
	d.must(t, "up", "--name", "second", "--size", "control-plane")
	d.must(t, "status", "--name", "second")
	d.must(t, "status", named)
}

func TestADeadComponentIsTold(t *testing.T) {
	d := build(t)
	mustStayClean(t, d.state)
	t.Cleanup(func() { d.must(t, "down", named) })
	d.must(t, "up", named, "--size", "control-plane")
	run(t, "kill", "-KILL", pidOf(t, d.must(t, "status", named), "kube-controller-manager"))
	eventually(t, func() error {
		out, err := d.try("status", named)
		if err == nil || !strings.Contains(out, "kube-controller-manager of cluster") {
			return errors.New("status does not tell the death:\n" + out)
		}
		return nil
	})
}

func pidOf(t *testing.T, status, component string) string {
	t.Helper()
	for _, line := range lines(status) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == component {
			return words[1]
		}
	}
	t.Fatalf("no %s in:\n%s", component, status)
	return ""
}

func TestUpAfterACrash(t *testing.T) {
	d := build(t)
	mustStayClean(t, d.state)
	d.up(t)
	d.kubectl(t, page, "apply", "--filename=-")
	d.kubectl(t, "", "wait", "--for=condition=Ready", "pod/page", "--timeout=2m")
	if err := syscall.Kill(d.daemon(t), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if left := processes(t, d.state); len(left) > 0 {
			return fmt.Errorf("processes outlive the daemon: %q", left)
		}
		return nil
	})
	if out, err := d.try("status", named); err == nil || !strings.Contains(out, "crashed") {
		t.Errorf("status after a crash (%v): %s", err, out)
	}
	if out := d.must(t, "up", named); !strings.Contains(out, "remove what a crash left") {
		t.Errorf("up over a crash said:\n%s", out)
	}
	d.kubectl(t, page, "apply", "--filename=-")
	d.kubectl(t, "", "wait", "--for=condition=Ready", "pod/page", "--timeout=2m")
}

// TestInterruptedUp presses Ctrl-C after each step in turn.
func TestInterruptedUp(t *testing.T) {
	d := build(t)
	for _, step := range []string{"load images", "start forge", "start control plane", "start node"} {
		t.Run(step, func(t *testing.T) {
			mustStayClean(t, d.state)
			t.Cleanup(func() { d.must(t, "down", named) })
			out, err := interruptAfter(t, d.command("up", named), step)
			if err == nil || !strings.Contains(out, "interrupted") {
				t.Errorf("an interrupted up ended with %v:\n%s", err, out)
			}
			if left, _ := os.ReadDir(filepath.Join(d.state, "carrel")); len(left) > 0 {
				t.Errorf("state left: %v", left)
			}
		})
	}
}

// interruptAfter runs command and interrupts it when it has done step.
func interruptAfter(t *testing.T, command *exec.Cmd, step string) (string, error) {
	t.Helper()
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- command.Wait()
		writer.Close()
	}()
	var out bytes.Buffer
	for output := bufio.NewScanner(reader); output.Scan(); {
		fmt.Fprintln(&out, output.Text())
		if strings.Contains(output.Text(), "✓ "+step) {
			_ = command.Process.Signal(os.Interrupt) // it may have failed already: the caller sees that
		}
	}
	return out.String(), <-ended
}

func get(t *testing.T, url string) string {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return string(body)
}
