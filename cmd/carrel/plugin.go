package main

import (
	"path/filepath"
	"strings"
)

// pluginPrefix is how kubectl finds its plugins.
const pluginPrefix = "kubectl-"

// invokedAs is the command's name as people typed it: "kubectl carrel" for a
// plugin of kubectl.
func invokedAs(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".exe")
	if plugin, is := strings.CutPrefix(name, pluginPrefix); is {
		return "kubectl " + strings.ReplaceAll(plugin, "_", "-")
	}
	return "carrel"
}
