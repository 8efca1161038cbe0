package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// compiled builds a small program and returns the path of its binary.
func compiled(t *testing.T, cgo string) string {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "go.mod", "module hello\n\ngo 1.26\n")
	write(t, folder, "main.go", "package main\n\nimport _ \"net\"\n\nfunc main() {}\n")
	binary := filepath.Join(folder, "hello")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = folder
	build.Env = append(os.Environ(), "CGO_ENABLED="+cgo, "GOFLAGS=", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

func readConfig(t *testing.T, archive, reference string) *v1.ConfigFile {
	t.Helper()
	tag, err := name.NewTag(reference)
	must(t, err)
	image, err := tarball.ImageFromPath(archive, &tag)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	return config
}

func TestStaticImageRunsItsBinaryAsNobodySpecial(t *testing.T) {
	const reference = "carrel.local/hello:dev"
	archive := filepath.Join(t.TempDir(), "hello.tar")
	must(t, WriteStatic(archive, reference, compiled(t, "0")))

	config := readConfig(t, archive, reference)
	type summary struct {
		OS, Architecture, User string
		Entrypoint             []string
		Layers                 int
	}
	want := summary{"linux", runtime.GOARCH, "65532:65532", []string{"/usr/local/bin/hello"}, 2}
	got := summary{config.OS, config.Architecture, config.Config.User, config.Config.Entrypoint, len(config.RootFS.DiffIDs)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration differs (-want +got):\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(archive), ".image-*")); left != nil {
		t.Errorf("working files stay beside the archive: %v", left)
	}
}

func TestDynamicBinaryIsRefused(t *testing.T) {
	shell, err := exec.LookPath("sh")
	must(t, err)
	err = WriteStatic(filepath.Join(t.TempDir(), "sh.tar"), "carrel.local/sh:dev", shell)
	if err == nil || !strings.Contains(err.Error(), "CGO_ENABLED=0") {
		t.Errorf("a program that needs a C library was packed without one, or the error %q does not name the cure", err)
	}
}
