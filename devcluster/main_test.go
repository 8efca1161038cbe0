package main

import (
	"bytes"
	"strings"
	"testing"
)

func execute(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	command := newCommand()
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(arguments)
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

func TestMistakesAreNamed(t *testing.T) {
	tests := map[string]struct {
		arguments []string
		want      string
	}{
		"an unknown size":        {[]string{"up", "--size", "huge"}, "want node or control-plane"},
		"a name with a slash":    {[]string{"up", "--name", "../x"}, "lower-case letters"},
		"an argument too many":   {[]string{"down", "carrel"}, "unknown command"},
		"no archive to load":     {[]string{"load"}, "requires at least 1 arg"},
		"a cluster that is down": {[]string{"kubeconfig"}, "devcluster up --name carrel"},
		"a registry for none":    {[]string{"registry", "--name", "other"}, "devcluster up --name other"},
		"a forge of none":        {[]string{"forge", "--name", "other"}, "devcluster up --name other"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := execute(t, test.arguments...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want it to say %q", err, test.want)
			}
		})
	}
}

func TestDownMayBeSaidTwice(t *testing.T) {
	for range 2 {
		if out, err := execute(t, "down"); err != nil || out != "" {
			t.Errorf("said %q (%v), want silence", out, err)
		}
	}
}
