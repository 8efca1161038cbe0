package main

import (
	"fmt"
	"strings"
)

// notesOf returns the section of a changelog about a version: what stands between its
// heading, such as "## v0.2.0 (2027-03-01)", and the next of the same level.
func notesOf(changelog, version string) (string, error) {
	var notes []string
	inside := false
	for line := range strings.Lines(changelog) {
		if heading, is := strings.CutPrefix(line, "## "); is {
			if inside {
				break
			}
			name, _, _ := strings.Cut(strings.TrimSpace(heading), " ")
			inside = name == version
		}
		if inside {
			notes = append(notes, line)
		}
	}
	text := strings.TrimSpace(strings.Join(notes, ""))
	if _, content, _ := strings.Cut(text, "\n"); strings.TrimSpace(content) == "" {
		return "", fmt.Errorf("CHANGELOG.md says nothing under \"## %s\": move what was not released there", version)
	}
	return text + "\n", nil
}
