package program

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

func silent(progress.Event) {}

func TestEveryProgramHasAVersion(t *testing.T) {
	for _, set := range Sets() {
		for _, p := range set.Programs {
			version, err := set.Version(p)
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			if !strings.HasPrefix(version, "v") {
				t.Errorf("%s has the odd version %q", p.Name, version)
			}
		}
	}
}

// go build names a binary after the last element of its package's path.
func TestEveryProgramIsFoundUnderItsName(t *testing.T) {
	for _, set := range Sets() {
		for _, p := range set.Programs {
			if path.Base(p.Package) != p.Name {
				t.Errorf("go build calls the binary of %s %s, and it is looked for as %s", p.Package, path.Base(p.Package), p.Name)
			}
		}
	}
}

func TestVersionSaysWhichModuleIsMissing(t *testing.T) {
	_, err := requiredVersion("go.mod", []byte("module m\nrequire example.org/other v1.0.0\n"), "example.org/wanted")
	if err == nil || !strings.Contains(err.Error(), "example.org/wanted") {
		t.Errorf("got %v, want an error that names the module", err)
	}
}

func TestTheLinkerIsToldTheVersion(t *testing.T) {
	set := Set{Variables: []string{"v={version}", "major={major}", "minor={minor}"}}
	const want = "-s -w -X v=v1.36.3 -X major=1 -X minor=36"
	if got := set.linkerFlags("v1.36.3"); got != want {
		t.Errorf("got the flags %q, want %q", got, want)
	}
}

// The build cache serves whoever compiles a package with the same settings.
func TestProgramsAreCompiledWithTheSettingsOfTheMakefile(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), "\nexport CGO_ENABLED := 0\n") || !slices.Contains(Cluster.environment(), "CGO_ENABLED=0") {
		t.Error("the Makefile and the set of the cluster's programs must both set CGO_ENABLED=0")
	}
	for _, argument := range Cluster.arguments("v1.0.0") {
		if argument == "-trimpath" || strings.HasPrefix(argument, "-gcflags") {
			t.Errorf("%s makes the compiler's output differ from that of a plain go build", argument)
		}
	}
}

func TestTheKeyChangesWithWhateverChangesTheBuild(t *testing.T) {
	wrapper := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		file := filepath.Join(wrapper, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	key := func(change func(*Set)) string {
		t.Helper()
		set := Set{Name: "s", Programs: []Program{{Name: "p", Package: "./p"}}}
		change(&set)
		key, err := set.key(wrapper, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	same := func(*Set) {}
	write("go.mod", "module m")
	seen := map[string]string{key(same): "nothing"}
	if _, found := seen[key(same)]; !found {
		t.Error("the key differs although nothing changed")
	}
	note := func(change string, key string) {
		t.Helper()
		if other, found := seen[key]; found {
			t.Errorf("the key is the same after changing %s as after changing %s", change, other)
		}
		seen[key] = change
	}
	note("the tags", key(func(s *Set) { s.Tags = "x" }))
	note("the variables", key(func(s *Set) { s.Variables = []string{"x=y"} }))
	note("the C code", key(func(s *Set) { s.C = true }))
	note("the programs", key(func(s *Set) { s.Programs = append(s.Programs, Program{Name: "q", Package: "./q"}) }))
	note("the links", key(func(s *Set) { s.Programs[0].Links = []string{"x"} }))
	note("the data", key(func(s *Set) { s.Programs[0].Data = []string{"x"} }))
	for _, file := range []string{"go.sum", "p/main.go", "_changed/example.org/m/m.go"} {
		write(file, "package main")
		note(file, key(same))
	}
	write("go.mod", "module n")
	note("go.mod", key(same))
}

func TestAnEntryIsFilledOnceForAllWhoWantIt(t *testing.T) {
	cache := Cache(t.TempDir())
	var fills atomic.Int32
	fill := func(_ *progress.Step, directory string) error {
		fills.Add(1)
		return os.WriteFile(filepath.Join(directory, "it"), []byte("content"), 0o644)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			entry, err := cache.Entry(t.Context(), silent, "thing-v1", "make thing", fill)
			if err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(entry, "it")); err != nil {
				t.Errorf("the entry came without its content: %v", err)
			}
		})
	}
	all.Wait()
	if fills.Load() != 1 {
		t.Errorf("filled %d times, want once", fills.Load())
	}
}

func TestAFailedEntryLeavesNothing(t *testing.T) {
	cache := Cache(t.TempDir())
	failure := errors.New("compiler on strike")
	_, err := cache.Entry(t.Context(), silent, "thing-v1", "make thing", func(_ *progress.Step, directory string) error {
		return errors.Join(failure, os.WriteFile(filepath.Join(directory, "half"), nil, 0o644))
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v, want the failure", err)
	}
	if left, _ := filepath.Glob(filepath.Join(string(cache), "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnInterruptedEntryIsBegunAnew(t *testing.T) {
	cache := Cache(t.TempDir())
	if err := os.MkdirAll(filepath.Join(string(cache), "thing-v1.partial", "half"), 0o755); err != nil {
		t.Fatal(err)
	}
	entry, err := cache.Entry(t.Context(), silent, "thing-v1", "make thing", func(*progress.Step, string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(entry, "half")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what an interrupted build left became part of the entry (%v)", err)
	}
}

func TestWaitingForAnEntryEndsWithTheContext(t *testing.T) {
	cache := Cache(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cache.Entry(ctx, silent, "thing-v1", "make thing", func(*progress.Step, string) error {
		cancel()
		_, err := cache.Entry(ctx, silent, "thing-v1", "make thing", nil)
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func TestBuildsAskOnlyTheProxy(t *testing.T) {
	for proxy, want := range map[string]string{
		"https://one.example,direct":                     "https://one.example",
		"https://one.example":                            "https://one.example",
		"https://one.example,https://two.example,direct": "https://one.example,https://two.example",
		"direct": "direct",
	} {
		if got := withoutDirect(proxy); got != want {
			t.Errorf("GOPROXY %q became %q, want %q", proxy, got, want)
		}
	}
}
