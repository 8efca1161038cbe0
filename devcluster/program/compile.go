package program

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

// compiler runs the go command for a set.
type compiler struct {
	set     Set
	wrapper string
	version string
	// modfile stands in for the wrapper's go.mod unless it is empty.
	modfile string
	// proxy is the GOPROXY setting.
	proxy string
}

// build compiles the set into directory.
func (c compiler) build(ctx context.Context, step *progress.Step, directory string) error {
	step.Move("fetching modules")
	stale, err := c.stalePackages(ctx)
	if err != nil {
		return err
	}
	build := c.command(ctx, slices.Concat([]string{"build", "-v", "-o", directory + string(filepath.Separator)}, c.arguments(), c.set.packages())...)
	if err := runCounting(step, build, stale); err != nil {
		return err
	}
	for _, p := range c.set.Programs {
		if err := c.copyData(ctx, p, directory); err != nil {
			return err
		}
		if err := p.link(directory); err != nil {
			return err
		}
	}
	return nil
}

// fetch fetches the modules that the build needs: of all that the wrapper's
// go.mod names it is the smaller part.
func (c compiler) fetch(ctx context.Context) error {
	_, err := output(c.command(ctx, slices.Concat([]string{"list", "-deps", "-f", "{{/* only the modules */}}"}, c.arguments(), c.set.packages())...))
	return err
}

func (c compiler) command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = c.wrapper
	command.Env = slices.Concat(os.Environ(), c.set.environment(), []string{c.proxy, collectLess})
	return command
}

func (c compiler) arguments() []string {
	arguments := c.set.arguments(c.version)
	if c.modfile != "" {
		arguments = append(arguments, "-modfile="+c.modfile)
	}
	return arguments
}

// stalePackages is how much source go build will compile, by package; it fetches
// the modules on the way.
func (c compiler) stalePackages(ctx context.Context) (Sources, error) {
	const format = `{{if .Stale}}{{.ImportPath}}{{range .GoFiles}}{{"\t"}}{{$.Dir}}/{{.}}{{end}}{{end}}`
	list, err := output(c.command(ctx, slices.Concat([]string{"list", "-deps", "-f", format}, c.arguments(), c.set.packages())...))
	return measure(list), err
}

// copyData copies what the program reads at run time: the module cache may be
// emptied while the built program is kept.
func (c compiler) copyData(ctx context.Context, p Program, directory string) error {
	if len(p.Data) == 0 {
		return nil
	}
	source, err := ModuleDirectory(ctx, c.wrapper, p.Module)
	if err != nil {
		return err
	}
	for _, folder := range p.Data {
		if err := os.CopyFS(filepath.Join(directory, folder), os.DirFS(filepath.Join(source, folder))); err != nil {
			return fmt.Errorf("copy %s of %s: %w", folder, p.Module, err)
		}
	}
	return nil
}

func (p Program) link(directory string) error {
	for _, name := range p.Links {
		if err := os.Symlink(p.Name, filepath.Join(directory, name)); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// runCounting runs a go build -v, which names each package it compiles.
func runCounting(step *progress.Step, command *exec.Cmd, stale Sources) error {
	reader, writer := io.Pipe()
	command.Stderr = writer
	var rest []string
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		done := stale.counter()
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			if strings.ContainsAny(lines.Text(), " :") {
				rest = append(rest, lines.Text())
				continue
			}
			fraction, detail := done.compiling(lines.Text())
			step.Advance(fraction, detail)
		}
	}()
	err := command.Run()
	writer.Close()
	<-counted
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, strings.Join(rest, "\n"))
	}
	return nil
}

// collectLess makes the compiler, a Go program too, collect garbage less often.
const collectLess = "GOGC=400"

// proxyOnly is GOPROXY without its last resort ",direct": asking a forge for a
// version the proxy does not have is slow, noisy, and impossible without one.
func proxyOnly(ctx context.Context) (string, error) {
	proxy, err := output(exec.CommandContext(ctx, "go", "env", "GOPROXY"))
	if err != nil {
		return "", fmt.Errorf("%w; devcluster builds its programs with Go: install it and put it on PATH", err)
	}
	return "GOPROXY=" + withoutDirect(strings.TrimSpace(proxy)), nil
}

func withoutDirect(proxy string) string { return strings.TrimSuffix(proxy, ",direct") }

func output(command *exec.Cmd) (string, error) {
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w\n%s", strings.Join(command.Args[:min(2, len(command.Args))], " "), err, stderr.String())
	}
	return string(out), nil
}
