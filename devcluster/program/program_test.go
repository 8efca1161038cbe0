package program

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

func silent(progress.Event) {}

func TestEveryProgramHasAVersion(t *testing.T) {
	for _, p := range []Program{Kubernetes, Gitea, SourceController, KustomizeController, CoreDNS, LocalPathProvisioner} {
		version, err := p.Version()
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if !strings.HasPrefix(version, "v") {
			t.Errorf("%s has the odd version %q", p.Name, version)
		}
	}
}

func TestVersionSaysWhichModuleIsMissing(t *testing.T) {
	_, err := requiredVersion("go.mod", []byte("module m\nrequire example.org/other v1.0.0\n"), "example.org/wanted")
	if err == nil || !strings.Contains(err.Error(), "example.org/wanted") {
		t.Errorf("got %v, want an error that names the module", err)
	}
}

func TestFlagsTellTheVersion(t *testing.T) {
	got := expand([]string{"-ldflags", "-X v={version} -X major={major} -X minor={minor}"}, "v1.36.3")
	want := []string{"-ldflags", "-X v=v1.36.3 -X major=1 -X minor=36"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("filled in wrongly (-want +got):\n%s", diff)
	}
}

func TestTheKeyChangesWithWhateverChangesTheBuild(t *testing.T) {
	wrapper := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(wrapper, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key := func(p Program) string {
		t.Helper()
		key, err := p.key(wrapper, "v1.0.0")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	write("go.mod", "module m")
	base := Program{Name: "p", Package: "."}
	seen := map[string]string{key(base): "nothing"}
	if _, same := seen[key(base)]; !same {
		t.Error("the key differs although nothing changed")
	}
	note := func(change string, key string) {
		t.Helper()
		if other, found := seen[key]; found {
			t.Errorf("the key is the same after changing %s as after changing %s", change, other)
		}
		seen[key] = change
	}
	note("the flags", key(Program{Name: "p", Package: ".", Flags: []string{"-tags", "x"}}))
	note("the linking", key(Program{Name: "p", Package: ".", Static: true}))
	note("the links", key(Program{Name: "p", Package: ".", Links: []string{"x"}}))
	note("the data", key(Program{Name: "p", Package: ".", Data: []string{"x"}}))
	write("go.sum", "sum")
	note("go.sum", key(base))
	write("main.go", "package main")
	note("main.go", key(base))
	write("go.mod", "module n")
	note("go.mod", key(base))
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
