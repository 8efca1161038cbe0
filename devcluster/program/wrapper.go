package program

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// Wrappers returns the folder of the wrapper modules. A module nested in ours
// can't be embedded, so they are read from the source tree this command was
// built in.
func Wrappers() (string, error) {
	_, file, _, _ := runtime.Caller(0)
	directory := filepath.Join(filepath.Dir(filepath.Dir(file)), "modules")
	if _, err := os.Stat(directory); err != nil {
		return "", fmt.Errorf("find the modules to build: %w; build devcluster again in the source tree, without -trimpath", err)
	}
	return directory, nil
}

func (s Set) wrapper() (string, error) {
	wrappers, err := Wrappers()
	return filepath.Join(wrappers, s.Wrapper), err
}
