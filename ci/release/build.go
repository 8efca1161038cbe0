package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
)

// platform names the system and the processor that a program is compiled for, in Go's words.
type platform struct{ os, arch string }

// program is one compiled program.
type program struct {
	name     string
	platform platform
	// file is below the release's directory, unless the program is only in an image.
	file string
	info *debug.BuildInfo
}

var (
	// inImages are the programs that run in a cluster.
	inImages = []string{"carrel-controller", "carrel-gateway", "carrel"}
	// nodes are the platforms of a cluster's nodes.
	nodes = []platform{{"linux", "amd64"}, {"linux", "arm64"}}
	// desks are the platforms of people's computers, besides those of nodes.
	desks = []platform{{"darwin", "arm64"}, {"darwin", "amd64"}, {"windows", "amd64"}}
)

// targets lists what is compiled: all programs for nodes, and the command line for desks.
func targets() (all []program) {
	for _, p := range nodes {
		for _, name := range inImages {
			all = append(all, program{name: name, platform: p})
		}
	}
	for _, p := range desks {
		all = append(all, program{name: "carrel", platform: p})
	}
	return all
}

// build compiles every target into the directory "programs" of the release, and checks
// that each knows its version.
func (r *release) build(ctx context.Context, from source) ([]program, error) {
	all := targets()
	for i, p := range all {
		fmt.Printf("%d of %d: %s for %s/%s\n", i+1, len(all), p.name, p.platform.os, p.platform.arch)
		file := filepath.Join(r.output, "programs", p.platform.os+"-"+p.platform.arch, p.name)
		if p.platform.os == "windows" {
			file += ".exe"
		}
		command := exec.CommandContext(ctx, "go", "build", "-buildvcs=true", "-trimpath", "-ldflags=-s -w", "-o", file, "./cmd/"+p.name)
		command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+p.platform.os, "GOARCH="+p.platform.arch)
		if out, err := command.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("compile %s for %s/%s: %w\n%s", p.name, p.platform.os, p.platform.arch, err, out)
		}
		info, err := buildinfo.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", file, err)
		}
		if err := checkStamp(info, r.version, from.commit); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all[i].file, all[i].info = file, info
	}
	return all, nil
}

// checkStamp compares what Go recorded in a program with what is released.
func checkStamp(info *debug.BuildInfo, version, commit string) error {
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	switch {
	case info.Main.Version != version:
		return fmt.Errorf("the program says it is %s, want %s: is there another tag on this commit?", info.Main.Version, version)
	case settings["vcs.revision"] != commit || settings["vcs.modified"] != "false":
		return fmt.Errorf("the program was compiled from %s (changed: %s), want %s", settings["vcs.revision"], settings["vcs.modified"], commit)
	}
	return nil
}
