package image

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

const (
	codeServerVersion = "4.100.3"
	// nodeVersion belongs to the only major version of Node.js that supports this
	// code-server. Debian's Node.js is older, so Node.js is installed from npm too.
	nodeVersion = "20.20.2"
	// codeServerHome is the directory of code-server and its dependencies in the
	// image.
	codeServerHome = "/usr/lib/code-server"
	// codeServerRevision is part of the layer's key. Increase it after a change to
	// how the layer is built.
	codeServerRevision = "4"
	// editor is the directory of VS Code below node_modules.
	editor = "code-server/lib/vscode"
)

// codeServer is VS Code in a browser, with the tools of a first programming class:
// Python, git and a small editor for the terminal.
var codeServer = recipe{
	tag: codeServerVersion,
	layers: []layer{
		debianBase{},
		debianLayer{
			label:    "code-server-tools",
			packages: []string{"git", "less", "libstdc++6", "nano", "procps", "python3", "ripgrep", "tini"},
			script: fmt.Sprintf("useradd --create-home --home-dir %s --shell /bin/bash --uid %d coder\n", studentHome, student) +
				"ln -s python3 /usr/bin/python\n",
		},
		codeServerLayer{},
	},
	config: v1.Config{
		User: fmt.Sprintf("%[1]d:%[1]d", student),
		// tini reaps the processes that closed terminals leave behind.
		Entrypoint:   []string{"tini", "--", "code-server"},
		Cmd:          []string{"--bind-addr=0.0.0.0:8080", "."},
		Env:          []string{searchPath, "HOME=" + studentHome, "USER=coder", "SHELL=/bin/bash", "LANG=C.UTF-8"},
		WorkingDir:   studentHome,
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
	},
}

// codeServerLayer installs code-server, its dependencies and Node.js from npm.
type codeServerLayer struct{}

func (codeServerLayer) name() string { return "code-server" }

func (codeServerLayer) key(context.Context, Builder) (string, error) {
	return keyOf(codeServerRevision, codeServerVersion, nodeVersion, runtime.GOARCH), nil
}

func (codeServerLayer) write(ctx context.Context, b Builder, file string) (err error) {
	build := codeServerBuild{
		work: filepath.Join(filepath.Dir(file), "npm"),
		node: "node-linux-" + npmArchitecture(),
	}
	defer remove(build.work, &err)
	steps := []struct {
		doing string
		do    func(context.Context) error
	}{
		{"fetch Node.js " + nodeVersion, build.fetchNode},
		{"fetch code-server " + codeServerVersion, build.fetchCodeServer},
		{"fetch the dependencies of its editor", build.fetchEditor},
		{"compile its native modules", build.compile},
	}
	for _, step := range steps {
		if err := b.Report.Do(step.doing, func(*progress.Step) error { return step.do(ctx) }); err != nil {
			return err
		}
	}
	entries, err := build.entries()
	if err != nil {
		return err
	}
	return writeLayer(file, entries)
}

// npmArchitecture returns npm's name for this machine's architecture.
func npmArchitecture() string {
	if runtime.GOARCH == "amd64" {
		return "x64"
	}
	return runtime.GOARCH
}

// codeServerBuild assembles code-server. It does not run the packages' own install
// scripts: they download from other hosts, and compile more than a server without a
// window needs.
type codeServerBuild struct {
	// work is a directory used by this build only.
	work string
	// node is the npm package of Node.js for this machine.
	node string
}

func (c codeServerBuild) app() string { return filepath.Join(c.work, "app") }

// modules returns the directory of code-server and its dependencies.
func (c codeServerBuild) modules() string { return filepath.Join(c.app(), "node_modules") }

// nodeHome returns the directory of the Node.js package, which holds the program
// and its headers.
func (c codeServerBuild) nodeHome() string {
	return filepath.Join(c.work, "node/node_modules", c.node)
}

func (c codeServerBuild) fetchNode(ctx context.Context) error {
	return c.install(ctx, filepath.Join(c.work, "node"), c.node+"@"+nodeVersion)
}

func (c codeServerBuild) fetchCodeServer(ctx context.Context) error {
	return c.install(ctx, c.app(), "code-server@"+codeServerVersion)
}

func (c codeServerBuild) fetchEditor(ctx context.Context) error {
	for _, folder := range []string{editor, editor + "/extensions"} {
		if err := c.npm(ctx, filepath.Join(c.modules(), folder), "install", "--omit=dev", "--ignore-scripts"); err != nil {
			return err
		}
	}
	return nil
}

// install downloads a package from npm into a new folder.
func (c codeServerBuild) install(ctx context.Context, folder, npmPackage string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	// Without a package.json here, npm searches for one in the parent folders.
	if err := os.WriteFile(filepath.Join(folder, "package.json"), []byte("{}\n"), 0o644); err != nil {
		return err
	}
	return c.npm(ctx, folder, "install", "--omit=dev", "--ignore-scripts", npmPackage)
}

// nativeModules lists the modules that must be compiled for a server on Linux:
// their folder below node_modules, and the build command. kerberos is left out,
// because only proxies that ask for Kerberos use it. watcher is left out, because
// its package holds a compiled binary.
var nativeModules = []struct{ folder, build string }{
	{"argon2", "node-pre-gyp rebuild"},
	{editor + "/node_modules/@vscode/spdlog", "node-gyp rebuild"},
	{editor + "/node_modules/native-watchdog", "node-gyp rebuild"},
	{editor + "/node_modules/node-pty", "node-gyp rebuild"},
}

// compile builds the native modules. For ripgrep it links Debian's binary, because
// the npm package of ripgrep downloads one from another host.
func (c codeServerBuild) compile(ctx context.Context) error {
	for _, module := range nativeModules {
		if err := c.npm(ctx, filepath.Join(c.modules(), module.folder), "exec", "--call", module.build); err != nil {
			return fmt.Errorf("compile %s: %w", module.folder, err)
		}
	}
	folder := filepath.Join(c.modules(), editor, "node_modules/@vscode/ripgrep/bin")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("link ripgrep: %w", err)
	}
	if err := os.Symlink("/usr/bin/rg", filepath.Join(folder, "rg")); err != nil {
		return fmt.Errorf("link ripgrep: %w", err)
	}
	return nil
}

// npm runs npm in folder. Once Node.js is fetched, npm runs with that version and
// compiles against its headers.
func (c codeServerBuild) npm(ctx context.Context, folder string, arguments ...string) error {
	command := exec.CommandContext(ctx, "npm", append([]string{"--no-audit", "--no-fund"}, arguments...)...)
	command.Dir = folder
	command.Env = append(os.Environ(),
		"PATH="+filepath.Join(c.nodeHome(), "bin")+":"+os.Getenv("PATH"),
		"npm_config_nodedir="+c.nodeHome())
	return run(ctx, command)
}

func (c codeServerBuild) entries() ([]entry, error) {
	node, err := copyOf(path.Join(binaries, "node"), 0o755, filepath.Join(c.nodeHome(), "bin/node"))
	if err != nil {
		return nil, err
	}
	files, err := readTree(c.app(), codeServerHome, notNeededToRun)
	if err != nil {
		return nil, err
	}
	entries := append(parents(binaries), node,
		directory("/usr/lib", 0o755),
		directory(codeServerHome, 0o755),
		text(path.Join(binaries, "code-server"), 0o755,
			"#!/bin/sh\nexec node "+codeServerHome+"/node_modules/code-server/out/node/entry.js \"$@\"\n"),
	)
	for _, file := range files {
		entries = append(entries, file.ownedBy(0))
	}
	return entries, nil
}

// notNeededToRun reports whether the image can do without the file name. That holds
// for source maps, which are half of the whole size, and for leftovers of
// compiling, which contain paths of this machine.
func notNeededToRun(name string) bool {
	for _, suffix := range []string{".map", ".o", ".a", ".mk", "/Makefile", "/config.gypi", "/obj.target", "/.deps", "/build-tmp-napi-v3"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}
