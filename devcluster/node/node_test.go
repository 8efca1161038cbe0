package node

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/devcluster/golden"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/pki"
)

func exampleConfig(t *testing.T) Config {
	t.Helper()
	plan, err := network.Choose(nil)
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Name: "carrel", Root: "/state/node", Programs: "/cache/kubernetes", Network: plan,
		Authority: "/state/pki/ca.crt", KubeletServer: pki.Pair{Certificate: "/state/pki/kubelet.crt", Key: "/state/pki/kubelet.key"},
		KubeletConfig: "/state/pki/kubelet.kubeconfig", KubeProxyConfig: "/state/pki/kube-proxy.kubeconfig",
	}
}

func TestFilesReadAsRecorded(t *testing.T) {
	for path, content := range exampleConfig(t).render() {
		golden.Compare(t, filepath.Base(path), content)
	}
}

func TestCommandsAreAsRecorded(t *testing.T) {
	config := exampleConfig(t)
	var out strings.Builder
	for _, command := range [][]string{config.ContainerdArgs(), config.KubeletArgs(), config.KubeProxyArgs(), Enter(42, ImportArgs())} {
		out.WriteString(strings.Join(command, "\n  ") + "\n")
	}
	for _, command := range config.linkCommands(42) {
		out.WriteString(strings.Join(command, " ") + "\n")
	}
	golden.Compare(t, "commands.txt", out.String())
}

func TestMissingListsTheDeepestFirst(t *testing.T) {
	root := t.TempDir()
	got := missing(filepath.Join(root, "a", "b"))
	want := []string{filepath.Join(root, "a", "b"), filepath.Join(root, "a")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories would be removed in the wrong order (-want +got):\n%s", diff)
	}
}

func TestMountPointsGoUnlessSomebodyUsesThem(t *testing.T) {
	root := t.TempDir()
	empty, used := filepath.Join(root, "empty"), filepath.Join(root, "used")
	if err := os.MkdirAll(filepath.Join(used, "theirs"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, madeFile), []byte(empty+"\n"+used), 0o644); err != nil {
		t.Fatal(err)
	}
	removeMountPoints(root)
	if _, err := os.Stat(empty); err == nil {
		t.Error("an empty mount point was left")
	}
	if _, err := os.Stat(used); err != nil {
		t.Error("a directory that somebody put something in was removed")
	}
}

func TestDelegateSwitchesOnAllThereIs(t *testing.T) {
	cgroup := t.TempDir()
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.controllers"), []byte("cpu memory pids\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := delegate(cgroup); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(cgroup, "cgroup.subtree_control"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "+cpu +memory +pids"; string(got) != want {
		t.Errorf("switched on %q, want %q", got, want)
	}
}

func TestDelegateLeavesVersionOneAlone(t *testing.T) {
	cgroup := t.TempDir()
	if err := delegate(cgroup); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(cgroup); len(files) > 0 {
		t.Errorf("wrote %v where version 1 has no such file", files)
	}
}

func TestStateHiddenByTheNodesMountsIsRefused(t *testing.T) {
	for root, refused := range map[string]bool{
		"/home/k/.local/state/carrel/carrel": false,
		"/running/carrel":                    false,
		"/run/user/0/carrel":                 true,
		"/var/log/carrel":                    true,
	} {
		if err := checkRoot(root); (err != nil) != refused {
			t.Errorf("state in %s: %v, want refused: %t", root, err, refused)
		}
	}
}

func TestASecondNodeIsToldWhoseTheFirstIs(t *testing.T) {
	address := "@carrel-devcluster-test-" + filepath.Base(t.TempDir()) + t.Name()
	if err := unclaimedAt(t.Context(), address); err != nil {
		t.Fatalf("nobody claimed the machine, yet: %v", err)
	}
	release, err := claimAt(t.Context(), address, Owner{Name: "first", State: "/state/first"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = claimAt(t.Context(), address, Owner{Name: "second"})
	for _, word := range []string{`"first"`, "/state/first", "devcluster down --name first"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("the second was told %q, which lacks %q", err, word)
		}
	}
	release()
	release, err = claimAt(t.Context(), address, Owner{Name: "second"})
	if err != nil {
		t.Fatalf("the first is gone, yet: %v", err)
	}
	release()
}
