package program

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// identity is what tells one build of a set from any other.
type identity struct {
	// wrapper is the folder of the wrapper module.
	wrapper string
	// version is that of the set's first program.
	version string
	// entry is the name of the cache entry.
	entry string
}

func (s Set) identify() (identity, error) {
	wrapper, err := s.wrapper()
	if err != nil {
		return identity{}, err
	}
	version, err := s.Version(s.Programs[0])
	if err != nil {
		return identity{}, err
	}
	key, err := s.key(wrapper, version)
	return identity{wrapper: wrapper, version: version, entry: s.Name + "-" + version + "-" + key}, err
}

// key tells builds apart that would differ although the version is the same:
// other dependencies or sources, other flags, another Go or machine type.
func (s Set) key(wrapper, version string) (string, error) {
	hash := sha256.New()
	part := func(text string) { fmt.Fprintf(hash, "%d %s\n", len(text), text) }
	part(runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH)
	part(strings.Join(s.arguments(version), "\x00"))
	part(strings.Join(s.environment(), "\x00"))
	for _, p := range s.Programs {
		part(p.Package)
		part(strings.Join(p.Links, "\x00"))
		part(strings.Join(p.Data, "\x00"))
	}
	if err := hashTree(hash, wrapper); err != nil {
		return "", fmt.Errorf("cache key of %s: %w", s.Name, err)
	}
	return hex.EncodeToString(hash.Sum(nil))[:10], nil
}

// hashTree writes the names and contents of all files below directory to hash.
func hashTree(hash io.Writer, directory string) error {
	tree := os.DirFS(directory)
	return fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%d %s\n%d %s\n", len(name), name, len(content), content)
		return nil
	})
}
