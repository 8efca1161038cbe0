package render_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"

	"github.com/carrel-dev/carrel/gitops/render"
)

// onDisk returns what kustomize builds from the same files on disk.
func onDisk(t *testing.T, files map[string]string) (resmap.ResMap, error) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// The kustomize command starts with an unchanged schema.
	openapi.ResetOpenAPI()
	defer func() {
		openapi.ResetOpenAPI()
		openapi.Schema() // load it, as parallel builds expect
	}()
	options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
	return krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "a"))
}

func written(t *testing.T, rendered resmap.ResMap) []byte {
	t.Helper()
	data, err := rendered.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestParity checks that a commit gives the same bytes as kustomize on disk for
// every feature, and that both refuse the same inputs.
func TestParity(t *testing.T) {
	for name, files := range corpus {
		t.Run(name, func(t *testing.T) {
			want, refusal := onDisk(t, files)
			got, err := render.Build(committed(t, files).FileSystem(), "/a")
			if (refusal == nil) != (err == nil) {
				t.Fatalf("kustomize says %v, and we %v", refusal, err)
			}
			if refusal != nil {
				t.Log(refusal)
				return
			}
			if want, got := written(t, want), written(t, got); !bytes.Equal(want, got) {
				t.Errorf("(-kustomize +ours):\n%s", cmp.Diff(string(want), string(got)))
			}
		})
	}
}

// TestBuiltInParts checks that a list built entry by entry equals the whole build, and
// that a list whose entries may affect each other is built whole.
func TestBuiltInParts(t *testing.T) {
	refused := []string{
		"a list with the same twice", "a list whose component reads an entry", "a list whose component reads every entry",
		"a list whose source is an entry's too", "a list whose patch renames two of one name",
	}
	independent := []string{"a list of courses", "a list with two of one base", "a list with patches, components and sources"}
	for name, files := range corpus {
		if !strings.HasPrefix(name, "a list") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want, refusal := onDisk(t, withOrigins(files))
			got, parts, err := render.InParts(committed(t, files).FileSystem(), "/a")
			if (refusal == nil) != (err == nil) {
				t.Fatalf("kustomize says %v, and we %v", refusal, err)
			}
			if refusal != nil {
				if !slices.Contains(refused, name) {
					t.Errorf("kustomize refuses it: %v", refusal)
				}
				return
			}
			if diff := cmp.Diff(string(written(t, want)), got); diff != "" {
				t.Errorf("in %d parts (-kustomize +ours):\n%s", parts, diff)
			}
			if alone := slices.Contains(independent, name); alone != (parts > 1) {
				t.Errorf("it is built in %d parts", parts)
			}
		})
	}
}

func withOrigins(files map[string]string) map[string]string {
	all := map[string]string{}
	for name, text := range files {
		all[name] = text
	}
	all["a/kustomization.yaml"] += "buildMetadata: [originAnnotations]\n"
	return all
}

// FuzzBuild builds a kustomization.yaml and a manifest on which kustomize may
// panic. Every input must give a result, and the same result as kustomize on disk.
func FuzzBuild(f *testing.F) {
	for _, files := range corpus {
		f.Add(files["a/kustomization.yaml"], files["a/deployment.yaml"])
	}
	f.Add("resources: [deployment.yaml]\npatches: [{patch: '[]'}]\n", "kind: List\nitems: [null]\n")
	f.Add("resources: [deployment.yaml, ., ..]\n", "- a\n- b\n")
	f.Fuzz(func(t *testing.T, kustomization, manifest string) {
		files := map[string]string{"a/kustomization.yaml": kustomization, "a/deployment.yaml": manifest, "a/service.yaml": service}
		for _, text := range []string{kustomization, manifest} {
			if strings.HasPrefix(text, "-> ") || strings.Contains(text, "openapi") || strings.Contains(text, "http") || strings.Contains(text, "git") || strings.Contains(text, "helm") {
				return // symbolic links, and files that kustomize would fetch
			}
		}
		got, err := render.Build(committed(t, files).FileSystem(), "/a")
		if err != nil {
			return
		}
		want, refusal := onDisk(t, files)
		if refusal != nil {
			t.Fatalf("kustomize says %v, and we nothing", refusal)
		}
		if want, got := written(t, want), written(t, got); !bytes.Equal(want, got) {
			t.Errorf("(-kustomize +ours):\n%s", cmp.Diff(string(want), string(got)))
		}
	})
}
