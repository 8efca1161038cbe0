package image

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// suite is the Debian release that images are built from. It has the versions of
// MariaDB, PHP and phpMyAdmin that the images' tags promise.
const suite = "bookworm"

// debianRevision is part of the keys of Debian layers. Increase it after a change
// to how these layers are built, or to the files left out of them.
const debianRevision = "1"

// debianBase is the smallest Debian system to which apt can add packages.
type debianBase struct{}

func (debianBase) name() string { return "debian-" + suite }

func (debianBase) key(context.Context, Builder) (string, error) {
	return keyOf(debianRevision), nil
}

func (debianBase) write(ctx context.Context, _ Builder, file string) (err error) {
	sources, err := debianSources(ctx)
	if err != nil {
		return err
	}
	tree := filepath.Join(filepath.Dir(file), "tree")
	defer remove(tree, &err)
	if err := run(ctx, alone(ctx, "debootstrap", "--variant=minbase", "--include=ca-certificates", suite, tree, sources[0].address)); err != nil {
		return err
	}
	entries, err := readTree(tree, "", unwanted)
	if err != nil {
		return err
	}
	return writeLayer(file, entries)
}

// debianLayer adds Debian packages to debianBase.
type debianLayer struct {
	label    string
	packages []string
	// script runs in the new root after the packages are installed.
	script string
}

func (l debianLayer) name() string { return l.label }

func (l debianLayer) key(ctx context.Context, b Builder) (string, error) {
	base, err := debianBase{}.key(ctx, b)
	return keyOf(debianRevision, base, strings.Join(l.packages, " "), l.script, installScript), err
}

//go:embed install.sh
var installScript string

func (l debianLayer) write(ctx context.Context, b Builder, file string) (err error) {
	base, err := b.layer(ctx, debianBase{})
	if err != nil {
		return err
	}
	tree := filepath.Join(filepath.Dir(file), "tree")
	defer remove(tree, &err)
	if err := l.install(ctx, base, tree); err != nil {
		return err
	}
	before, err := readHeaders(base)
	if err != nil {
		return err
	}
	after, err := readTree(tree, "", unwanted)
	if err != nil {
		return err
	}
	return writeLayer(file, difference(before, after))
}

// install unpacks base into tree and adds the packages to it.
func (l debianLayer) install(ctx context.Context, base, tree string) error {
	sources, err := debianSources(ctx)
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, source := range sources {
		fmt.Fprintln(&list, "deb", source.address, source.suite, "main")
	}
	if err := os.Mkdir(tree, 0o755); err != nil {
		return err
	}
	install := alone(ctx, "sh", "-ec", installScript, "sh", tree, base, l.script)
	install.Args = append(install.Args, l.packages...)
	install.Stdin = strings.NewReader(list.String())
	return run(ctx, install)
}

// alone returns a command that runs in its own mount and process namespaces. The
// kernel removes the command's mounts and processes when it ends, even if it is
// killed.
func alone(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--kill-child", name}, arguments...)...)
	// A build date in a file would give the same inputs another digest.
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SOURCE_DATE_EPOCH=0")
	return command
}

// source is an archive of Debian packages.
type source struct{ address, suite string }

// debianSources returns the archives from which apt on this machine installs
// packages of the suite. The main archive comes first.
func debianSources(ctx context.Context) ([]source, error) {
	list := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)", "Created-By: Packages")
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("ask apt for its package sources: %w", err)
	}
	sources := parseSources(string(out))
	if len(sources) == 0 || sources[0].suite != suite {
		return nil, errors.New("apt on this machine knows no source of Debian " + suite + "; add one to /etc/apt/sources.list.d and run: apt-get update")
	}
	return sources, nil
}

// parseSources returns the suite's archives among lines of the form "address suite
// component origin". The origin separates Debian's archives from others with a
// similar suite name.
func parseSources(lines string) []source {
	var sources []source
	for line := range strings.Lines(lines) {
		fields := strings.Fields(line)
		if len(fields) != 4 || fields[2] != "main" || fields[3] != "Debian" {
			continue
		}
		if fields[1] == suite || strings.HasPrefix(fields[1], suite+"-") {
			sources = append(sources, source{fields[0], fields[1]})
		}
	}
	slices.SortStableFunc(sources, func(a, b source) int { return strings.Compare(a.suite, b.suite) })
	return slices.Compact(sources)
}

// unwanted reports whether an image can do without the file name. It drops files of
// the machine that built the tree, files that can be generated again, and
// documentation.
func unwanted(name string) bool {
	switch {
	case name == "etc/hostname", name == "etc/resolv.conf", name == "etc/machine-id",
		name == "etc/apt/sources.list", name == "usr/sbin/policy-rc.d":
		return true
	case within(name, "var/lib/dpkg"), within(name, "var/cache/debconf"), within(name, "etc"):
		return strings.HasSuffix(name, "-old") || strings.HasSuffix(name, "-") || strings.HasSuffix(name, "/lock")
	}
	for _, folder := range []string{
		"dev", "proc", "run", "sys", "tmp", "var/tmp", "var/log", "var/cache/apt", "var/cache/ldconfig", "var/lib/apt/lists",
		"usr/share/doc", "usr/share/info", "usr/share/lintian", "usr/share/locale", "usr/share/man",
	} {
		if path.Dir(name) == folder {
			return true
		}
	}
	return false
}
