package image

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// crossCompiled builds a small program named hello for each architecture.
func crossCompiled(t *testing.T, architectures ...string) (binaries []string) {
	t.Helper()
	folder := t.TempDir()
	write(t, folder, "go.mod", "module hello\n\ngo 1.26\n")
	write(t, folder, "main.go", "package main\n\nfunc main() {}\n")
	for _, architecture := range architectures {
		binary := filepath.Join(folder, architecture, "hello")
		build := exec.Command("go", "build", "-o", binary, ".")
		build.Dir = folder
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH="+architecture)
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		binaries = append(binaries, binary)
	}
	return binaries
}

func TestImageOfSeveralArchitectures(t *testing.T) {
	binaries := crossCompiled(t, "amd64", "arm64")
	server := httptest.NewServer(registry.New())
	defer server.Close()
	reference := strings.TrimPrefix(server.URL, "http://") + "/lab/hello:v1.0.0"

	var archives [2][]byte
	var digests [2]string
	for i := range archives {
		static, err := NewStatic(binaries)
		must(t, err)
		defer func() { must(t, static.Close()) }()
		file := filepath.Join(t.TempDir(), "hello.tar")
		must(t, static.WriteArchive(file, reference))
		archives[i], err = os.ReadFile(file)
		must(t, err)
		digests[i], err = static.Digest()
		must(t, err)
		must(t, static.Push(t.Context(), reference))
	}
	if !bytes.Equal(archives[0], archives[1]) || digests[0] != digests[1] {
		t.Errorf("the second image of the same binaries differs: %s and %s", digests[0], digests[1])
	}

	tag, err := name.NewTag(reference)
	must(t, err)
	pushed, err := remote.Index(tag)
	must(t, err)
	digest, err := pushed.Digest()
	must(t, err)
	if digest.String() != digests[0] {
		t.Errorf("the registry has %s, want %s", digest, digests[0])
	}
	manifest, err := pushed.IndexManifest()
	must(t, err)
	var platforms []string
	for _, m := range manifest.Manifests {
		image, err := pushed.Image(m.Digest)
		must(t, err)
		config, err := image.ConfigFile()
		must(t, err)
		platforms = append(platforms, m.Platform.String()+" "+config.Architecture+" "+config.Config.Entrypoint[0])
	}
	want := []string{"linux/amd64 amd64 /usr/local/bin/hello", "linux/arm64 arm64 /usr/local/bin/hello"}
	if diff := cmp.Diff(want, platforms); diff != "" {
		t.Errorf("images differ (-want +got):\n%s", diff)
	}

	unpacked := t.TempDir()
	extract := exec.Command("tar", "-x", "-C", unpacked)
	extract.Stdin = bytes.NewReader(archives[0])
	if out, err := extract.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path, err := layout.FromPath(unpacked)
	must(t, err)
	index, err := path.ImageIndex()
	must(t, err)
	top, err := index.IndexManifest()
	must(t, err)
	if got := top.Manifests[0]; got.Digest.String() != digests[0] || got.Annotations["org.opencontainers.image.ref.name"] != reference {
		t.Errorf("the archive holds %v %v, want %s named %s", got.Digest, got.Annotations, digests[0], reference)
	}
}

func TestImageRefusesTwoBinariesOfOneArchitecture(t *testing.T) {
	binary := crossCompiled(t, "arm64")[0]
	if _, err := NewStatic([]string{binary, binary}); err == nil || !strings.Contains(err.Error(), "both for arm64") {
		t.Errorf("error %v, want one that names the architecture", err)
	}
}
