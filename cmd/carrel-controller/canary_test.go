package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carrel-dev/carrel/core/isolation"
	"github.com/carrel-dev/carrel/errand/attempt"
)

// TestCanaryCommand checks that the program of a canary leaves its report where Kubernetes
// looks for it.
func TestCanaryCommand(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	file := filepath.Join(t.TempDir(), "report")
	named := attempt.Attempt{LookUp: func(context.Context, string) ([]string, error) { return nil, nil }}
	command := newCanaryCommand(named, file)
	target := isolation.Target{Part: isolation.Carrel, Address: listener.Addr().String()}
	command.SetArgs([]string{"--try=" + target.String()})
	command.SetOut(&bytes.Buffer{})
	if err := command.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	report, err := isolation.ParseReport(string(text))
	if err != nil || len(report.Open) != 1 || report.Open[0] != target {
		t.Errorf("the report is %+v, %v, want %v open", report, err, target)
	}

	command = newCanaryCommand(named, file)
	command.SetArgs([]string{"--try=nonsense"})
	command.SetOut(&bytes.Buffer{})
	command.SetErr(&bytes.Buffer{})
	if err := command.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "--try") {
		t.Errorf("a target that is none leads to %v, want an error that names the flag", err)
	}
}
