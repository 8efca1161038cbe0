// Command gitops measures carrel check, plan and why on a generated repository with the
// layout of clusters/campus. It compares them with kustomize building the same
// directories, and with git, in the same run.
//
//	go run ./test/bench/gitops           # a roster of rows for each course
//	go run ./test/bench/gitops -files    # a file for each student
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"

	"sigs.k8s.io/kustomize/api/krusty"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// garbage is carrel's value of GOGC, in percent. Both arms use it.
const garbage = 400

func main() {
	var l layout
	flag.IntVar(&l.courses, "courses", 200, "how many courses")
	flag.IntVar(&l.students, "students", 300, "how many students each has")
	flag.BoolVar(&l.files, "files", false, "a file for each student, in place of a roster of rows")
	flag.IntVar(&l.versions, "versions", 300, "how many versions the first course's roster has")
	rounds := flag.Int("rounds", 3, "how often each is run; medians are told")
	profile := flag.String("profile", "", "file to write where the first carrel check spends its time")
	flag.Parse()
	if err := run(l, *rounds, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(l layout, rounds int, profile string) (err error) {
	debug.SetGCPercent(garbage)
	dir, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repository := filepath.Join(dir, "repository")
	if err := l.generate(repository); err != nil {
		return fmt.Errorf("generate the repository: %w", err)
	}
	paths := l.applied()
	fmt.Printf("clusters/campus, %d courses x %d students, files: %t, %d directories; the load is %s\n", l.courses, l.students, l.files, len(paths), load())
	var built, checked measures
	for round := range rounds {
		if err := built.take(func() error { return build(repository, paths) }); err != nil {
			return err
		}
		stop, err := profiled(profile, round)
		if err != nil {
			return err
		}
		if err := checked.take(func() error { return checkAll(repository) }); err != nil {
			return err
		}
		if err := stop(); err != nil {
			return err
		}
	}
	built.print("kustomize build of all", nil)
	checked.print("carrel check of all", &built)
	return l.programs(dir, repository, rounds, &built)
}

// profiled records a CPU profile of the first round if name is not empty.
func profiled(name string, round int) (stop func() error, err error) {
	if name == "" || round > 0 {
		return func() error { return nil }, nil
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}

func checkAll(dir string) error {
	repository, err := tree.Directory(dir)
	if err != nil {
		return err
	}
	result, err := check.Run(context.Background(), repository, nil, "")
	if err != nil {
		return err
	}
	if found := result.Findings; len(found) > 0 {
		return fmt.Errorf("%d findings in a repository that has nothing wrong, the first: %+v", len(found), found[0])
	}
	return nil
}

// applied returns the directories that Flux builds.
func (l layout) applied() []string {
	paths := []string{
		"clusters/campus/flux-system", "clusters/campus", "clusters/campus/courses", "clusters/campus/inventory",
		"kustomize", "kustomize/crds", "kustomize/gateway", "kustomize/policy",
	}
	for i := range l.courses {
		paths = append(paths, "courses/"+name(i)+"/roster", "courses/"+name(i)+"/templates")
	}
	return paths
}

func builder() *krusty.Kustomizer {
	options := krusty.MakeDefaultOptions()
	options.LoadRestrictions = kustypes.LoadRestrictionsNone
	return krusty.MakeKustomizer(options)
}

// build builds directories one after the other.
func build(dir string, paths []string) error {
	for _, path := range paths {
		rendered, err := builder().Run(filesys.MakeFsOnDisk(), filepath.Join(dir, path))
		if err != nil {
			return fmt.Errorf("build %s: %w", path, err)
		}
		if _, err := rendered.AsYaml(); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}
