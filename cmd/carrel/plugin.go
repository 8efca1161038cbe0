package main

import (
	"path/filepath"
	"strings"
)

// pluginPrefix is the prefix by which kubectl finds its plugins.
const pluginPrefix = "kubectl-"

// invokedAs returns the name by which the user called the program: "kubectl carrel"
// for a plugin of kubectl, and else "carrel".
func invokedAs(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".exe")
	if plugin, is := strings.CutPrefix(name, pluginPrefix); is {
		return "kubectl " + strings.ReplaceAll(plugin, "_", "-")
	}
	return "carrel"
}
