package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// source is the commit that is released.
type source struct {
	commit string
	// time is the time of the commit. Files of a release bear it instead of the time at
	// which they were made.
	time time.Time
}

// sourceOf returns the commit of the working tree, which must be clean and bear version
// as a tag: Go records both in the programs.
func sourceOf(ctx context.Context, version string) (source, error) {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return source{}, fmt.Errorf("%q is no version: write it like v0.2.0", version)
	}
	changed, err := git(ctx, "status", "--porcelain")
	if err != nil {
		return source{}, err
	}
	if changed != "" {
		return source{}, fmt.Errorf("the working tree is not clean; commit or remove:\n%s", changed)
	}
	head, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return source{}, err
	}
	tagged, err := git(ctx, "rev-parse", "--verify", "--quiet", version+"^{commit}")
	if err != nil || tagged != head {
		return source{}, fmt.Errorf("the present commit is not tagged %[1]s: git tag -a -m %[1]s %[1]s", version)
	}
	committed, err := git(ctx, "show", "-s", "--format=%cI", "HEAD")
	if err != nil {
		return source{}, err
	}
	at, err := time.Parse(time.RFC3339, committed)
	return source{commit: head, time: at.UTC()}, err
}

func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
