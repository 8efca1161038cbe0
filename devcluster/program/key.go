package program

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// key tells builds apart that would differ although the version is the same:
// other dependencies, other flags, another Go or another machine type.
func (p Program) key(wrapper, version string) (string, error) {
	hash := sha256.New()
	part := func(text string) { fmt.Fprintf(hash, "%d %s\n", len(text), text) }
	part(runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH)
	part(p.Package)
	part(strings.Join(p.arguments(version), "\x00"))
	part(strings.Join(p.environment(), "\x00"))
	part(strings.Join(p.Links, "\x00"))
	part(strings.Join(p.Data, "\x00"))
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		data, err := os.ReadFile(filepath.Join(wrapper, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("cache key of %s: %w", p.Name, err)
		}
		part(string(data))
	}
	return hex.EncodeToString(hash.Sum(nil))[:10], nil
}
