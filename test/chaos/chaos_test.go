package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

func TestProcessesOfAContainer(t *testing.T) {
	proc := t.TempDir()
	for pid, groups := range map[string]string{
		"7":  "4:memory:/carrel-carrel/kubepods/pod1/aaa\n",
		"8":  "4:memory:/carrel-carrel/kubepods/pod1/aaa\n1:name=systemd:/\n",
		"9":  "4:memory:/carrel-carrel/kubepods/pod1/bbb\n",
		"10": "0::/\n",
	} {
		if err := os.Mkdir(filepath.Join(proc, pid), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(proc, pid, "cgroup"), []byte(groups), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for identity, want := range map[string][]int{"containerd://aaa": {7, 8}, "containerd://ccc": nil, "": nil} {
		got, err := inContainer(proc, identity)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("processes of %q (-want +got):\n%s", identity, diff)
		}
	}
}

func TestWhatIsNotAsDeclaredIsFound(t *testing.T) {
	carrel := func(name, state, ready string) v1alpha1.Userland {
		u := v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Name: name}}
		u.Status.State = state
		if ready != "" {
			u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionStatus(ready), Message: "so"}}
		}
		return u
	}
	running := carrel("a", v1alpha1.StateRunning, "True")
	for _, test := range []struct {
		name    string
		carrels []v1alpha1.Userland
		want    []string
	}{
		{"as declared", []v1alpha1.Userland{running}, nil},
		{"nobody", nil, []string{"a has no carrel"}},
		{"one too many", []v1alpha1.Userland{running, carrel("b", v1alpha1.StateRunning, "True")}, []string{"b is not declared"}},
		{"new", []v1alpha1.Userland{carrel("a", "", "")}, []string{"a has no condition Ready"}},
		{"asleep", []v1alpha1.Userland{carrel("a", v1alpha1.StateAsleep, "True")}, []string{"a is Asleep: so"}},
		{"not ready", []v1alpha1.Userland{carrel("a", v1alpha1.StateRunning, "False")}, []string{"a is Running: so"}},
	} {
		if diff := cmp.Diff(test.want, undeclared(map[string]bool{"a": true}, test.carrels)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// An edit that left the Template as it is would make no revision.
func TestTheTemplateIsEdited(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", templateFile))
	if err != nil {
		t.Fatal(err)
	}
	if got := edited(string(text), 3); !strings.Contains(got, "          env:\n            - name: EDIT\n              value: \"3\"\n          ports:\n") {
		t.Errorf("the edit of %s is:\n%s", templateFile, got)
	}
}
