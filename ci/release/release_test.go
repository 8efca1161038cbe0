package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"
)

func TestNotesAreTheSectionOfTheVersion(t *testing.T) {
	const changelog = "# Changes\n\n## Not released\n\n- later\n\n## v0.2.0 (2027-03-01)\n\n- a\n\n### New\n\n- b\n\n## v0.1.0\n\n- c\n\n## v0.0.1\n"
	for _, test := range []struct{ version, want string }{
		{"v0.2.0", "## v0.2.0 (2027-03-01)\n\n- a\n\n### New\n\n- b\n"},
		{"v0.1.0", "## v0.1.0\n\n- c\n"},
		{"v0.0.1", ""},
		{"v0.2", ""},
	} {
		got, err := notesOf(changelog, test.version)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("notes of %s: %q, %v; want %q", test.version, got, err, test.want)
		}
	}
}

func TestSourceIsACleanTaggedCommit(t *testing.T) {
	t.Chdir(t.TempDir())
	run := func(args ...string) {
		t.Helper()
		args = append([]string{"-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run("init", "-q")
	run("commit", "-q", "--allow-empty", "-m", "first")
	for _, step := range []struct {
		name, version, wants string
		do                   []string
	}{
		{name: "no version", version: "0.2", wants: "write it like v0.2.0"},
		{name: "a short version", version: "v0.2", wants: "write it like v0.2.0"},
		{name: "no tag", version: "v0.2.0", wants: "git tag -a -m v0.2.0 v0.2.0"},
		{name: "tagged", version: "v0.2.0", do: []string{"tag", "v0.2.0"}},
		{name: "a tag of an earlier commit", version: "v0.2.0", do: []string{"commit", "-q", "--allow-empty", "-m", "second"}, wants: "is not tagged v0.2.0"},
		{name: "not clean", version: "v0.2.0", do: []string{"config", "-f", "left", "a.b", "c"}, wants: "?? left"},
	} {
		if step.do != nil {
			run(step.do...)
		}
		_, err := sourceOf(t.Context(), step.version)
		if (err == nil) != (step.wants == "") || err != nil && !strings.Contains(err.Error(), step.wants) {
			t.Errorf("%s: %v, want %q", step.name, err, step.wants)
		}
	}
}

func TestProgramsMustKnowTheirVersion(t *testing.T) {
	info := func(version, commit, modified string) *debug.BuildInfo {
		return &debug.BuildInfo{Main: debug.Module{Version: version}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: commit}, {Key: "vcs.modified", Value: modified}}}
	}
	for _, test := range []struct {
		info *debug.BuildInfo
		ok   bool
	}{
		{info("v0.2.0", "c0ffee", "false"), true},
		{info("v0.2.1", "c0ffee", "false"), false},
		{info("v0.2.0", "beef", "false"), false},
		{info("v0.2.0", "c0ffee", "true"), false},
		{&debug.BuildInfo{Main: debug.Module{Version: "v0.2.0"}}, false},
	} {
		if err := checkStamp(test.info, "v0.2.0", "c0ffee"); (err == nil) != test.ok {
			t.Errorf("%v: %v, want no error: %t", test.info, err, test.ok)
		}
	}
}

func TestSBOMNamesEveryModule(t *testing.T) {
	p := program{name: "carrel", info: &debug.BuildInfo{
		GoVersion: "go1.26.0",
		Main:      debug.Module{Path: module, Version: "v0.2.0"},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:a"},
			{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v2.0.0", Sum: "h1:c"}},
			{Path: module + "/api", Version: "v0.0.0", Replace: &debug.Module{Path: "./api"}},
		},
	}}
	var out bytes.Buffer
	if err := writeSBOM(&out, p, source{time: time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)}); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Metadata struct {
			Timestamp string
			Component struct{ PURL string }
		}
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	purls := []string{got.Metadata.Timestamp, got.Metadata.Component.PURL}
	for _, c := range got.Components {
		purls = append(purls, c.PURL)
	}
	want := []string{"2027-03-01T00:00:00Z", "pkg:golang/" + module + "@v0.2.0", "pkg:golang/std@1.26.0", "pkg:golang/example.org/a@v1.0.0", "pkg:golang/example.org/c@v2.0.0"}
	if diff := cmp.Diff(want, purls); diff != "" {
		t.Errorf("SBOM differs (-want +got):\n%s", diff)
	}
}

// TestManifestsNameTheImagesOfTheRelease builds what is installed: an image that the
// release does not make would be pulled from a registry that has it not.
func TestManifestsNameTheImagesOfTheRelease(t *testing.T) {
	t.Chdir("../..")
	r := release{version: "v0.2.0", registry: "git.example.edu/lab", push: true}
	var images []packed
	for _, name := range inImages {
		images = append(images, packed{name: own + "/" + name, newName: r.registry + "/" + name, digest: "sha256:" + strings.Repeat("0", 64)})
	}
	found := map[string]bool{}
	for _, m := range manifests {
		for _, directory := range m.directories {
			built, err := buildWith(directory, r.references(images))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(built)) {
				if image, is := strings.CutPrefix(strings.TrimLeft(line, " -"), "image: "); is {
					found[strings.TrimSpace(image)] = true
				}
			}
		}
	}
	for _, reference := range r.references(images) {
		want := pulled(reference)
		if !found[want] {
			t.Errorf("no manifest pulls %s", want)
		}
		delete(found, want)
	}
	for image := range found {
		t.Errorf("a manifest pulls %s, which is not of this release", image)
	}
}

// TestCampusInstallsTheImagesOfARelease puts the file images.yaml of a release in the
// place of the one of clusters/campus.
func TestCampusInstallsTheImagesOfARelease(t *testing.T) {
	campus := filepath.Join(t.TempDir(), "clusters")
	if err := os.CopyFS(campus, os.DirFS("../../clusters")); err != nil {
		t.Fatal(err)
	}
	r := release{version: "v0.2.0", registry: "registry.example.org/team", push: true}
	var images []packed
	for _, name := range inImages {
		images = append(images, packed{name: own + "/" + name, newName: r.registry + "/" + name, digest: "sha256:" + strings.Repeat("0", 64)})
	}
	patch, err := imagesPatch(r.references(images))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(campus, "campus", "images.yaml"), patch, 0o600); err != nil {
		t.Fatal(err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(campus, "campus"))
	if err != nil {
		t.Fatal(err)
	}
	for name, image := range map[string]string{"carrel": "carrel-controller", "carrel-gateway": "carrel-gateway", "carrel-inventory": "carrel"} {
		found, err := built.GetById(resid.NewResIdWithNamespace(resid.NewGvk("kustomize.toolkit.fluxcd.io", "v1", "Kustomization"), name, "flux-system"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := found.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		var k struct {
			Spec struct{ Images []types.Image }
		}
		if err := yaml.Unmarshal(text, &k); err != nil {
			t.Fatal(err)
		}
		want := types.Image{Name: own + "/" + image, NewName: r.registry + "/" + image, NewTag: r.version, Digest: images[0].digest}
		if !slices.Contains(k.Spec.Images, want) {
			t.Errorf("Kustomization %s installs %v, want %v among them", name, k.Spec.Images, want)
		}
	}
}

// TestArchivesNameTheirImagesInFull packs by a program in the place of devcluster, which
// refuses a name without a registry.
func TestArchivesNameTheirImagesInFull(t *testing.T) {
	program := filepath.Join(t.TempDir(), "devcluster")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for registry, want := range map[string]struct{ archive, manifest string }{
		"":                     {"docker.io/carrel-dev/carrel-controller", "carrel-dev/carrel-controller"},
		"registry.example/lab": {"registry.example/lab/carrel-controller", "registry.example/lab/carrel-controller"},
	} {
		r := release{version: "v0.2.0", registry: registry, devcluster: program}
		images, err := r.pack(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		// The digest is what the program printed: its arguments.
		if name := "--name=" + want.archive + ":v0.2.0 "; !strings.Contains(images[0].digest, name) {
			t.Errorf("with the registry %q it runs %q, want %q", registry, images[0].digest, name)
		}
		if images[0].newName != want.manifest {
			t.Errorf("with the registry %q the manifests name %s, want %s", registry, images[0].newName, want.manifest)
		}
	}
}

func pulled(i types.Image) string { return i.NewName + ":" + i.NewTag + "@" + i.Digest }
