// Command gitops measures carrel check and carrel plan on a generated repository.
// It compares them with kustomize building the same directories in the same run.
//
//	go run ./test/bench/gitops           # a roster of rows for each course
//	go run ./test/bench/gitops -files    # a file for each student
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/pprof"
	"strings"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/gitops/check"
	"github.com/carrel-dev/carrel/gitops/tree"
)

// pattern is the repository whose course is copied.
const pattern = "gitops/check/testdata/campus"

// garbage is carrel's value of GOGC, in percent. Both arms use it.
const garbage = 400

func main() {
	courses := flag.Int("courses", 200, "how many courses")
	students := flag.Int("students", 300, "how many students each has")
	files := flag.Bool("files", false, "a file for each student, in place of a roster of rows")
	rounds := flag.Int("rounds", 3, "how often each is run; medians are told")
	profile := flag.String("profile", "", "file to write where the first carrel check spends its time")
	flag.Parse()
	if err := run(*courses, *students, *rounds, *files, *profile); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(courses, students, rounds int, files bool, profile string) (err error) {
	debug.SetGCPercent(garbage)
	dir, err := os.MkdirTemp("", "carrel-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repository := filepath.Join(dir, "repository")
	if err := generate(repository, courses, students, files); err != nil {
		return fmt.Errorf("generate the repository: %w", err)
	}
	fmt.Printf("%d courses x %d students, files: %t; the load is %s\n", courses, students, files, load())
	var built, checked measures
	for round := range rounds {
		if err := built.take(func() error { return build(repository, courses) }); err != nil {
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
	return narrow(dir, repository, rounds)
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
	found := result.Findings
	if len(found) > 0 {
		return fmt.Errorf("%d findings in a repository that has nothing wrong, the first: %+v", len(found), found[0])
	}
	return nil
}

// build builds everything that Flux would build, one directory after the other.
func build(dir string, courses int) error {
	paths := []string{"clusters/lab/flux-system", "clusters/lab/courses"}
	for i := range courses {
		paths = append(paths, "courses/"+name(i)+"/roster", "courses/"+name(i)+"/templates")
	}
	for _, path := range paths {
		rendered, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, path))
		if err != nil {
			return fmt.Errorf("build %s: %w", path, err)
		}
		if _, err := rendered.AsYaml(); err != nil {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	return nil
}

func name(i int) string { return fmt.Sprintf("course-%03d", i) }

func generate(dir string, courses, students int, files bool) error {
	if err := copyTo(filepath.Join(dir, "clusters/lab/flux-system"), "clusters/lab/flux-system", nil); err != nil {
		return err
	}
	list := "resources:\n"
	for i := range courses {
		list += "  - " + name(i) + "\n"
		replace := strings.NewReplacer("prog1", name(i), `"10"`, `"1000"`, "2Gi", "2000Gi")
		if err := copyTo(filepath.Join(dir, "clusters/lab/courses", name(i)), "clusters/lab/courses/prog1", replace); err != nil {
			return err
		}
		if err := copyTo(filepath.Join(dir, "courses", name(i)), "courses/prog1", replace); err != nil {
			return err
		}
		if err := enrol(filepath.Join(dir, "courses", name(i), "roster"), students, files); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "clusters/lab/courses/kustomization.yaml"), []byte(list), 0o644)
}

// enrol adds students to a course.
func enrol(dir string, students int, files bool) error {
	rows, resources := "user,name,template,section\n26t9999,Ueda Sora,,a\n", "  - students/kai.yaml\n"
	for i := range students {
		user := fmt.Sprintf("26t%04d", i)
		if !files {
			rows += user + ",Sato Yuki,,a\n"
			continue
		}
		resources += "  - students/" + user + ".yaml\n"
		text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + user + "\nspec:\n  section: a\n"
		if err := os.WriteFile(filepath.Join(dir, "students", user+".yaml"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "roster.csv"), []byte(rows), 0o644); err != nil {
		return err
	}
	file := filepath.Join(dir, "kustomization.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(strings.Replace(string(data), "  - students/kai.yaml\n", resources, 1)), 0o644)
}

// copyTo copies a directory of the pattern and replaces words.
func copyTo(to, from string, replace *strings.Replacer) error {
	from = filepath.Join(pattern, from)
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text := string(data)
		if replace != nil {
			text = replace.Replace(text)
		}
		return os.WriteFile(filepath.Join(to, relative), []byte(text), 0o644)
	})
}
