package program

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// Wrappers is the folder of the wrapper modules. A module nested in ours can't
// be embedded, so they are read from the source tree this command was built in.
func Wrappers() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	directory := filepath.Join(filepath.Dir(filepath.Dir(file)), "modules")
	if _, err := os.Stat(directory); err != nil {
		return "", fmt.Errorf("find the modules to build: %w; build devcluster again in the source tree, without -trimpath", err)
	}
	return directory, nil
}

// Version is the version of p that its wrapper module requires.
func (p Program) Version() (string, error) {
	wrappers, err := Wrappers()
	if err != nil {
		return "", err
	}
	path := filepath.Join(wrappers, p.Name, "go.mod")
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

// expand fills {version}, {major} and {minor} into flags.
func expand(flags []string, version string) []string {
	major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor(version), "v"), ".")
	replace := strings.NewReplacer("{version}", version, "{major}", major, "{minor}", minor)
	for i := range flags {
		flags[i] = replace.Replace(flags[i])
	}
	return flags
}
