package image

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// need is a command or file that this machine must have, and the Debian package
// that installs it.
type need struct {
	// thing is the name of a command, or the absolute path of a file.
	thing         string
	debianPackage string
}

// hostNeeds lists the requirements for building each group of images.
var hostNeeds = []struct {
	images []string
	root   bool
	needs  []need
}{
	{
		images: []string{"busybox", "webterm"},
		needs:  []need{{"busybox", "busybox-static"}},
	},
	{
		images: []string{"code-server", "mariadb", "phpmyadmin"},
		root:   true,
		needs:  []need{{"debootstrap", "debootstrap"}, {"unshare", "util-linux"}, {"tar", "tar"}},
	},
	{
		images: []string{"code-server"},
		needs:  []need{{"npm", "npm"}, {"g++", "g++"}, {"make", "make"}, {"python3", "python3"}},
	},
}

// HostPackages returns the Debian packages that this machine needs, beside Go, to
// build every image.
func HostPackages() []string {
	packages := []string{"ca-certificates"}
	for _, group := range hostNeeds {
		for _, need := range group.needs {
			packages = append(packages, need.debianPackage)
		}
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// Check returns an error that lists the names that have no recipe, and everything
// this machine lacks to build the others. It runs before anything is built.
func Check(names ...string) error {
	var problems []error
	for _, name := range names {
		if _, known := recipes[name]; !known {
			problems = append(problems, fmt.Errorf("no image is called %q; there are: %s", name, strings.Join(Names(), ", ")))
		}
	}
	var missing []string
	for _, group := range hostNeeds {
		wanted := slices.ContainsFunc(group.images, func(image string) bool { return slices.Contains(names, image) })
		if !wanted {
			continue
		}
		if group.root && os.Geteuid() != 0 {
			problems = append(problems, fmt.Errorf("images of Debian packages (%s) can only be built as root", strings.Join(group.images, ", ")))
		}
		missing = append(missing, absent(group.needs)...)
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		problems = append(problems, fmt.Errorf("missing on this machine; run: apt-get install %s", strings.Join(slices.Compact(missing), " ")))
	}
	return errors.Join(problems...)
}

// absent returns the packages of the needs that this machine does not meet.
func absent(needs []need) []string {
	var packages []string
	for _, need := range needs {
		if !present(need.thing) {
			packages = append(packages, need.debianPackage)
		}
	}
	return packages
}

func present(thing string) bool {
	if filepath.IsAbs(thing) {
		_, err := os.Stat(thing)
		return err == nil
	}
	_, err := exec.LookPath(thing)
	return err == nil
}
