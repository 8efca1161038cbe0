package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestInvokedAs(t *testing.T) {
	for path, want := range map[string]string{
		"carrel": "carrel", "/usr/bin/kubectl-carrel": "kubectl carrel", `kubectl-carrel.exe`: "kubectl carrel", "bin/other": "carrel",
	} {
		if got := invokedAs(path); got != want {
			t.Errorf("%s calls itself %q, want %q", path, got, want)
		}
	}
}

// TestEveryCommandHasHelp checks that every command explains itself to a new user.
func TestEveryCommandHasHelp(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || (c.Runnable() && c.Example == "" && !c.HasSubCommands()) {
			t.Errorf("%s lacks a short text or an example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newCommand())
}

func TestPluginNamesItselfInHelp(t *testing.T) {
	command := newCommand()
	command.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: invokedAs("kubectl-carrel")}
	var out bytes.Buffer
	command.SetOut(&out)
	command.SetArgs([]string{"why", "--help"})
	if err := command.Execute(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "kubectl carrel why STUDENT") {
		t.Errorf("the help of the plugin is\n%s", out.String())
	}
}
