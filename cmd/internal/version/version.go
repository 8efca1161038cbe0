// Package version says which version a program is.
package version

import (
	"fmt"
	"runtime/debug"
)

// String returns the version of the module, and the commit from which the program was
// built.
func String() string {
	info, known := debug.ReadBuildInfo()
	if !known {
		return "unknown"
	}
	text := info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			text += fmt.Sprintf(" (commit %s)", setting.Value)
		}
	}
	return text
}
