package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// page is the README of clusters/campus.
const page = "clusters/campus/README.md"

var shellBlock = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// commandsOf returns the blocks of commands under a heading of the second level.
func commandsOf(text, heading string) ([]string, error) {
	_, section, found := strings.Cut("\n"+text, "\n## "+heading+"\n")
	if !found {
		return nil, fmt.Errorf("%s has no heading %q", page, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, match := range shellBlock.FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, match[1])
	}
	return blocks, nil
}

// replaced replaces each old text by the new one. It returns an error if the commands
// lack one, since they would then reach for an address of somebody else.
func replaced(commands string, pairs ...string) (string, error) {
	var missing error
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(commands, pairs[i]) {
			missing = errors.Join(missing, fmt.Errorf("no command of %s has %q", page, pairs[i]))
		}
		commands = strings.ReplaceAll(commands, pairs[i], pairs[i+1])
	}
	return commands, missing
}
