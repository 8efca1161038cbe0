package program

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

// changes is the folder of a wrapper module with files that take the place of
// upstream's, each below the path of its module. The Go command ignores a folder
// whose name begins like that.
const changes = "_changed"

// changedModules returns a go.mod that is the wrapper's, but takes the modules
// that the wrapper changes from copies with those changes. It returns "" if the
// wrapper changes none. (go build -overlay would do the same without a copy, but
// refuses files of the module cache.)
func (c Cache) changedModules(ctx context.Context, report progress.Sink, wrapper string) (string, error) {
	files := os.DirFS(filepath.Join(wrapper, changes))
	if _, err := fs.Stat(files, "."); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	hash := sha256.New()
	if err := hashTree(hash, wrapper); err != nil {
		return "", fmt.Errorf("change modules: %w", err)
	}
	name := filepath.Base(wrapper)
	entry := name + "-sources-" + hex.EncodeToString(hash.Sum(nil))[:10]
	// Replacements are absolute, so they name the directory that will be.
	final := filepath.Join(string(c), entry)
	directory, err := c.Entry(ctx, report, entry, "change sources of "+name, func(_ *progress.Step, directory string) error {
		return changeModules(ctx, wrapper, files, directory, final)
	})
	return filepath.Join(directory, "go.mod"), err
}

// changeModules fills directory, which will be called final.
func changeModules(ctx context.Context, wrapper string, files fs.FS, directory, final string) error {
	data, err := os.ReadFile(filepath.Join(wrapper, "go.mod"))
	if err != nil {
		return err
	}
	module, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		return err
	}
	modules, err := changedPaths(module, files)
	if err != nil {
		return err
	}
	for _, name := range modules {
		source, err := ModuleDirectory(ctx, wrapper, name)
		if err != nil {
			return err
		}
		if err := os.CopyFS(filepath.Join(directory, name), os.DirFS(source)); err != nil {
			return fmt.Errorf("copy module %s: %w", name, err)
		}
		if err := module.AddReplace(name, "", filepath.Join(final, name), ""); err != nil {
			return err
		}
	}
	if err := overwrite(directory, files); err != nil {
		return fmt.Errorf("change modules: %w", err)
	}
	changed, err := module.Format()
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(wrapper, "go.sum"))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(directory, "go.mod"), changed, 0o644),
		os.WriteFile(filepath.Join(directory, "go.sum"), sums, 0o644),
	)
}

// changedPaths lists the required modules that files change, and refuses a file
// that belongs to none.
func changedPaths(module *modfile.File, files fs.FS) ([]string, error) {
	var modules []string
	seen := map[string]bool{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		owner := owner(module, name)
		if owner == "" {
			return fmt.Errorf("%s/%s belongs to no module that go.mod requires", changes, name)
		}
		if !seen[owner] {
			seen[owner] = true
			modules = append(modules, owner)
		}
		return nil
	})
	return modules, err
}

// owner is the required module with the longest path that file lies below.
func owner(module *modfile.File, file string) string {
	var longest string
	for _, require := range module.Require {
		if name := require.Mod.Path; strings.HasPrefix(file, name+"/") && len(name) > len(longest) {
			longest = name
		}
	}
	return longest
}

// overwrite writes files over those in directory. It refuses one that upstream
// does not have: it was renamed there, and the change would be lost in silence.
func overwrite(directory string, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		target := filepath.Join(directory, filepath.FromSlash(name))
		if _, err := os.Stat(target); err != nil {
			return fmt.Errorf("upstream has no such file any more: %w", err)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if err := os.Remove(target); err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

// ModuleDirectory returns where module lies in the module cache, in the version
// and with the checksum that the wrapper in directory pins, fetching it if need be.
func ModuleDirectory(ctx context.Context, directory, module string) (string, error) {
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	download.Dir = directory
	download.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := output(download)
	var answer struct{ Dir, Error string }
	if parseErr := json.Unmarshal([]byte(out), &answer); parseErr == nil && answer.Error != "" {
		return "", errors.New(answer.Error)
	}
	if err != nil {
		return "", fmt.Errorf("fetch module %s: %w", module, err)
	}
	return answer.Dir, nil
}
