package program

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// Version returns the version of p that the set's wrapper module requires.
func (s Set) Version(p Program) (string, error) {
	wrapper, err := s.wrapper()
	if err != nil {
		return "", err
	}
	path := filepath.Join(wrapper, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read version of %s: %w", p.Name, err)
	}
	return requiredVersion(path, data, p.Module)
}

func requiredVersion(path string, data []byte, module string) (string, error) {
	file, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return "", fmt.Errorf("read version of %s: %w", module, err)
	}
	for _, require := range file.Require {
		if require.Mod.Path == module {
			return require.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s", path, module)
}

// linkerFlags leave out what only debuggers read, and set the set's variables.
func (s Set) linkerFlags(version string) string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor(version), "v"), ".")
	replace := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	flags := "-s -w"
	for _, variable := range s.Variables {
		flags += " -X " + replace.Replace(variable)
	}
	return flags
}
