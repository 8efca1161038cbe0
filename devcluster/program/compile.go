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
	"strings"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

// compile builds p into directory.
func (p Program) compile(ctx context.Context, step *progress.Step, wrapper, version, directory string) error {
	proxy, err := proxyOnly(ctx)
	if err != nil {
		return err
	}
	goCommand := func(arguments ...string) *exec.Cmd {
		command := exec.CommandContext(ctx, "go", arguments...)
		command.Dir = wrapper
		command.Env = append(append(os.Environ(), p.environment()...), proxy)
		return command
	}
	step.Move("fetching modules")
	stale, err := p.stalePackages(goCommand, version)
	if err != nil {
		return err
	}
	arguments := append([]string{"build", "-v", "-o", filepath.Join(directory, p.Name)}, p.arguments(version)...)
	if err := runCounting(step, goCommand(append(arguments, p.Package)...), stale); err != nil {
		return err
	}
	if err := p.copyData(goCommand, directory); err != nil {
		return err
	}
	return p.link(directory)
}

// stalePackages is how many packages go build will compile; it fetches the
// modules on the way.
func (p Program) stalePackages(goCommand func(...string) *exec.Cmd, version string) (int, error) {
	arguments := append([]string{"list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"}, p.arguments(version)...)
	list, err := output(goCommand(append(arguments, p.Package)...))
	return len(strings.Fields(list)), err
}

// runCounting runs a go build -v, which names each package it compiles.
func runCounting(step *progress.Step, command *exec.Cmd, total int) error {
	reader, writer := io.Pipe()
	command.Stderr = writer
	var rest []string
	counted := make(chan struct{})
	go func() {
		defer close(counted)
		lines := bufio.NewScanner(reader)
		for done := 0; lines.Scan(); {
			if strings.ContainsAny(lines.Text(), " :") {
				rest = append(rest, lines.Text())
				continue
			}
			done++
			step.Move(fmt.Sprintf("%d of %d packages", done, max(total, done)))
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

// copyData copies what the program reads at run time: the module cache may be
// emptied while the built program is kept.
func (p Program) copyData(goCommand func(...string) *exec.Cmd, directory string) error {
	if len(p.Data) == 0 {
		return nil
	}
	source, err := output(goCommand("list", "-m", "-f", "{{.Dir}}", p.Module))
	if err != nil {
		return err
	}
	for _, folder := range p.Data {
		files := os.DirFS(filepath.Join(strings.TrimSpace(source), folder))
		if err := os.CopyFS(filepath.Join(directory, folder), files); err != nil {
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
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command.Args[:min(2, len(command.Args))], " "), err, stderr.String())
	}
	return string(out), nil
}
