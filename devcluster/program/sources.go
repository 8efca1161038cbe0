package program

import (
	"fmt"
	"os"
	"strings"
)

// Sources holds the size in bytes of the Go files of packages that are to be
// compiled, by import path. How long the compiler takes follows the size closely
// enough to tell how far a build is; the number of packages does not.
type Sources map[string]int64

// measure reads lines of an import path and the package's files, with tabs
// between them.
func measure(list string) Sources {
	sources := Sources{}
	for line := range strings.Lines(list) {
		name, files, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name == "" {
			continue
		}
		sources[name] = 0
		for _, file := range strings.Split(files, "\t") {
			if info, err := os.Stat(file); err == nil {
				sources[name] += info.Size()
			}
		}
	}
	return sources
}

func (s Sources) counter() *counter {
	c := &counter{sources: s}
	for _, size := range s {
		c.total += size
	}
	return c
}

// counter follows a build.
type counter struct {
	sources     Sources
	total, done int64
	packages    int
}

// compiling notes that the package is being compiled. It returns how much of the
// whole that makes, between 0 and 1, and the same in words.
func (c *counter) compiling(name string) (float64, string) {
	c.packages++
	c.done += c.sources[name]
	fraction := 1.0
	if c.total > 0 {
		fraction = float64(c.done) / float64(c.total)
	}
	return fraction, fmt.Sprintf("%d of %d packages", c.packages, max(len(c.sources), c.packages))
}
